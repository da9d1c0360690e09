"""What the figures were measured on, and how they are summed up."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec


class Measured(msgspec.Struct, frozen=True):
    """Repeated measurements of one quantity."""

    median: float
    lowest: float
    highest: float
    runs: int
    unit: str


def measured(values: Sequence[float], unit: str) -> Measured:
    """Median and range.

    >>> measured([3.0, 1.0, 2.0], "s").median
    2.0
    """
    return Measured(statistics.median(values), min(values), max(values), len(values), unit)


def machine() -> dict[str, Any]:
    """Cores, memory and versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line
        ]
        model = names[0] if names else model
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "python": platform.python_version(),
    }
