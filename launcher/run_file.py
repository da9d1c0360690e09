"""`run.json` in the state folder: where the running `allocast up` put its services, for other terminals."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from producers.errors import FixAndRestart
from producers.settings import RUN_FILE, writable

LOCK_FILE = "up.lock"


class RunFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a running `allocast up` tells. The first seven fields are read by `load_settings` under these names."""

    kafka_bootstrap_servers: str
    redis_url: str  # with its password, hence mode 0600
    host: str
    port: int
    kafka_session_s: float
    partitions: int
    metrics_port: int
    pid: int
    url: str
    feed: str
    broker: str  # embedded, apache or external
    redis: str  # embedded or external
    logs: str
    supervisor_socket: str
    started_ms: int  # ms since epoch, UTC


def read(state: Path) -> RunFile | None:
    """The file in this state folder; None when there is none that can be read."""
    try:
        return msgspec.json.decode((state / RUN_FILE).read_bytes(), type=RunFile)
    except (OSError, msgspec.DecodeError):
        return None


def write(state: Path, content: RunFile) -> None:
    """Replace the file at once, readable by its owner only."""
    fresh = state / f"{RUN_FILE}.new"
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(content)))
    fresh.replace(state / RUN_FILE)


def remove(state: Path) -> None:
    (state / RUN_FILE).unlink(missing_ok=True)


@contextmanager
def only_one(state: Path) -> Iterator[None]:
    """Hold the state folder for as long as the block runs.

    The kernel drops the lock when its holder ends in whatever way. A pid in a file alone would refuse a
    start after a crash whenever another program got that pid.
    Raises FixAndRestart when another `allocast up` holds it, naming its pid and page.
    """
    with (writable(state) / LOCK_FILE).open("w") as lock:
        if not _locked(lock.fileno(), fcntl.LOCK_EX):
            running = read(state)
            who = f" (pid {running.pid}, {running.url})" if running else ""
            raise FixAndRestart(
                f"{state}: another `allocast up` runs there{who}: stop it, or give another --state-dir"
            )
        remove(state)  # a leftover of a run that was killed would send us to its dead services
        yield


def is_held(state: Path) -> bool:
    """Whether an `allocast up` runs on this state folder."""
    try:
        with (state / LOCK_FILE).open() as lock:
            return not _locked(lock.fileno(), fcntl.LOCK_SH, patience_s=0)
    except OSError:
        return False


def _locked(descriptor: int, kind: int, patience_s: float = 0.5) -> bool:
    """Take the lock. Waits a moment: `allocast status` holds it for microseconds to look."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
