"""`allocast up` as a child process of a test: real stores and supervision, but services that only sleep."""

from __future__ import annotations

import sys
from pathlib import Path

from launcher import plan, up
from launcher.supervisor_config import Program
from producers.errors import AllocastError, FixAndRestart
from producers.settings import StateFolder

SLEEP = (sys.executable, "-c", "import signal; signal.pause()")


def readers(_options: plan.Options, autostart: bool) -> tuple[Program, ...]:
    # A folder with a file `healthz`, served by Python itself, stands in for the page.
    state = StateFolder().state_dir
    (state / "www").mkdir(exist_ok=True)
    (state / "www" / "healthz").write_text("ok", encoding="utf-8")
    page = (sys.executable, "-m", "http.server", sys.argv[1], "-b", "127.0.0.1", "-d", str(state / "www"))
    commands = {**dict.fromkeys(plan.READERS, SLEEP), "dashboard": page}
    return tuple(Program(name, one, settled_s=1, autostart=autostart) for name, one in commands.items())


def once() -> tuple[Program, ...]:
    return (Program("topics", (sys.executable, "-m", "launcher.cli", "topics", "create"), kind="once"),)


if __name__ == "__main__":
    plan._readers = readers
    plan._once = once
    try:
        sys.exit(
            up.up(plan.Options(port=int(sys.argv[1]), data=Path(sys.argv[2]) if sys.argv[2:] else None), True)
        )
    except FixAndRestart as error:
        sys.exit(f"usage: {error}")
    except AllocastError as error:
        sys.exit(f"failed: {error}")
