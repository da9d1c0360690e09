"""Memory that holds nothing goes back to the system."""

from __future__ import annotations

import subprocess
import sys

HOLES = """
from pathlib import Path
from producers.heap import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

large = [bytes(100_000) for _ in range(1_000)]
between = [large.pop(position) for position in range(998, 0, -10)]
full = resident()
del large  # what is kept between the holes holds the heap's end in place
holes = resident()
assert give_back()
print(full, holes, resident(), len(between))
"""


def test_holes_in_the_heap_are_given_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOLES], check=True, capture_output=True, text=True, timeout=60
    )
    full, holes, after, kept = map(int, done.stdout.split())
    assert kept == 100
    assert after < full - 50_000_000
    assert after < holes
