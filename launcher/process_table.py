"""What /proc says about processes: memory with children, and who was started under which supervisor."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")


def family(pid: int) -> set[int]:
    """A process and its descendants; only itself where there is no /proc."""
    parents = _parents()
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def rss_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants, in bytes; 0 where there is no /proc."""
    return sum(_own_rss_bytes(one) for one in family(pid))


def started_mark(socket_file: Path) -> dict[str, str]:
    """The variable that supervisord gives to its children."""
    return {"SUPERVISOR_SERVER_URL": f"unix://{socket_file}"}


def started_under(socket_file: Path) -> list[int]:
    """This supervisord and the live processes that inherited its address, whoever their parent is now.

    The address holds a random folder name, so nothing else can carry it: safer than a list of remembered
    pids, which the kernel gives to others. Empty where there is no /proc.
    """
    ((name, value),) = started_mark(socket_file).items()
    marker = f"{name}={value}".encode()
    found = []
    for pid in _pids():
        try:
            variables = (PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # ended meanwhile, or somebody else's
        if marker in variables:
            found.append(pid)
    return found


def _pids() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()] if PROC.is_dir() else []


def _parents() -> dict[int, int]:
    """Parent of each process. Field 4 of stat, counted from the last `)`: a name may hold brackets and spaces."""
    parents = {}
    for pid in _pids():
        try:
            stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        parents[pid] = int(stat.rpartition(")")[2].split()[1])
    return parents


def _own_rss_bytes(pid: int) -> int:
    try:
        pages = int((PROC / str(pid) / "statm").read_text(encoding="utf-8").split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
