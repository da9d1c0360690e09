"""The rolling kernel: ticks in, final session bars and feature rows out. The only place features are computed.

Why not running sums: they drift, and a drifted sum no longer equals a clean replay bit for bit. Here a tick
costs O(1) per window (it moves the open bar and the open tile of each window), and a row is recomputed
exactly from the last 252 closes and the last 48 tiles per window when somebody will read it, a few
microseconds. Recursive averages move only when a session or a tile can no longer change.

A price (kind price) enters as its logarithm; a rate (percent per year) enters as rate / 100, so its "log
returns" are changes in the rate.
"""

from stream_processors.kernel.compiled import use_cache_of_these_sources

use_cache_of_these_sources()

from stream_processors.kernel.layout import (  # noqa: E402  # numba reads its cache setting at decoration
    AHEAD,
    APPLIED,
    B_CLOSE,
    B_CLOSE_MS,
    B_HIGH,
    B_LOW,
    B_OPEN,
    B_SESSION,
    B_TICKS,
    BAD_PRICE,
    BAD_SIZE,
    BAR,
    BAR_SIZE,
    FINAL,
    FINAL_BAR_SIZE,
    GRACE_MS,
    LATE,
    NEWEST,
    OFFSET,
    PENDING,
    REASONS,
    SEEN,
    SKIPPED,
    STATE_SIZE,
    WINDOWS,
    FloatArray,
    IntArray,
    N,
    empty_states,
    row_size,
    state_size,
)
from stream_processors.kernel.roll import apply_ticks, new_rows, read_rows  # noqa: E402

__all__ = [
    "AHEAD",
    "APPLIED",
    "BAD_PRICE",
    "BAD_SIZE",
    "BAR",
    "BAR_SIZE",
    "B_CLOSE",
    "B_CLOSE_MS",
    "B_HIGH",
    "B_LOW",
    "B_OPEN",
    "B_SESSION",
    "B_TICKS",
    "FINAL",
    "FINAL_BAR_SIZE",
    "GRACE_MS",
    "LATE",
    "NEWEST",
    "OFFSET",
    "PENDING",
    "REASONS",
    "SEEN",
    "SKIPPED",
    "STATE_SIZE",
    "WINDOWS",
    "FloatArray",
    "IntArray",
    "N",
    "apply_ticks",
    "empty_states",
    "new_rows",
    "read_rows",
    "row_size",
    "state_size",
]
