"""What the figures were measured on, and how repeated measurements are summed up."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def spread(values: Sequence[float], name: str) -> dict[str, Any]:
    """The median under `name`, beside it the lowest and the highest value and the number of runs.

    >>> spread([3.0, 1.0, 2.0], "time_s")
    {'time_s': 2.0, 'time_s_range': [1.0, 3.0], 'runs': 3}
    """
    return {
        name: statistics.median(values),
        f"{name}_range": [min(values), max(values)],
        "runs": len(values),
    }


def percentiles(values_s: Sequence[float], points: Sequence[int] = (50, 95, 99)) -> dict[str, float]:
    """Percentiles of times in seconds as `pNN_ms`, by the nearest rank.

    >>> percentiles([0.001, 0.002, 0.010], (50, 99))
    {'p50_ms': 2.0, 'p99_ms': 10.0}
    """
    ordered = sorted(values_s)
    ranks = {point: -(-point * len(ordered) // 100) - 1 for point in points}
    return {f"p{point}_ms": round(ordered[rank] * 1000, 4) for point, rank in ranks.items()}


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
