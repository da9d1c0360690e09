"""`python -m training.outcome`: writes what became of a model into the registry, in a process of its own.

MLflow takes seconds to import and memory that is never given back; the service and serving do without it.
"""

from __future__ import annotations

import logging
import subprocess
import sys

import msgspec

from producers.settings import load_settings

log = logging.getLogger("training")


Child = subprocess.Popen[bytes]


class Record(msgspec.Struct, frozen=True):
    """aliases : alias -> version, None to take it away.   tags : of `version`."""

    version: str
    aliases: dict[str, str | None]
    tags: dict[str, str]


def begin(record: Record) -> Child:
    """Start the process; its exit code is 0 when everything was written."""
    child = subprocess.Popen([sys.executable, "-m", "training.outcome"], stdin=subprocess.PIPE)
    if child.stdin is not None:
        child.stdin.write(msgspec.json.encode(record))
        child.stdin.close()
    return child


def main() -> int:
    """Entry point."""
    record = msgspec.json.decode(sys.stdin.buffer.read(), type=Record)
    try:
        from training.registry import Registry

        Registry(load_settings().state_dir).outcome(record.version, record.aliases, record.tags)
    except Exception as error:
        sys.stderr.write(f"training: the registry was not told about {record.version}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
