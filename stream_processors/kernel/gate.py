"""The quality gate: is a price so far from the last one that it must be confirmed before it counts?

Why not a fixed percentage: eight percent are a crash of an index and a quiet night of a small coin. The scale is the
asset's own: the exponentially weighted volatility of its sessions. A jump is not refused for good, for crashes
happen: it is held, and the next tick decides which of the two prices stays. What looks like a split or another unit
is not confirmed by the next tick, which would be just as wrong, but by a history that agrees, or by saying the same
until a whole session has passed after the one in which it began. Everything is decided by the state and the record,
never by a clock, so a replay of the log comes to the same result.
"""

from __future__ import annotations

import math

from stream_processors.kernel.bars import to_x
from stream_processors.kernel.compiled import compiled
from stream_processors.kernel.layout import (
    APPLIED,
    B_CLOSE,
    B_SESSION,
    BAR,
    BAR_SIZE,
    FINAL,
    JUMP,
    PENDING,
    PRICES,
    SPLIT,
    VAR,
    FloatArray,
    N,
    P,
)

SIGMAS = 8.0  # standard deviations of a session's return
WARM = 21  # sessions until the volatility is one
SMALL_MOVE = 0.02  # of a price, is never a jump: a peg that has stood still has no volatility at all
SMALL_RATE_MOVE = 0.25  # percentage points
SPLITS = (1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0, 50.0, 100.0, 1000.0)
SPLIT_TOLERANCE = 0.015  # of the ratio: the price has moved as well


@compiled("int64(float64[:], boolean, float64, float64, int64)")
def judge(state: FloatArray, is_rate: bool, before: float, price: float, sessions: int) -> int:
    """APPLIED, JUMP or SPLIT for a price that comes so many sessions after `before`.

    SPLIT: the ratio of the two is that of a share split, or of a change of unit or currency.
    """
    if is_rate:
        if abs(price - before) <= SMALL_RATE_MOVE:
            return APPLIED
    elif abs(price - before) <= SMALL_MOVE * before:
        return APPLIED
    if state[N] < WARM:
        return APPLIED
    scale = math.sqrt(state[VAR] * max(1, sessions))
    if abs(to_x(price, is_rate) - to_x(before, is_rate)) <= SIGMAS * scale:
        return APPLIED
    if not is_rate:
        ratio = max(price / before, before / price)
        for split in SPLITS:
            if abs(ratio / split - 1.0) <= SPLIT_TOLERANCE:
                return SPLIT
    return JUMP


@compiled("int64(float64[:], boolean, float64, int64)")
def judge_next(state: FloatArray, is_rate: bool, price: float, session: int) -> int:
    """`judge` against the latest price that counts; APPLIED when there is none."""
    pending = int(state[PENDING])
    if pending > 0:
        base = BAR + (pending - 1) * BAR_SIZE
        return judge(state, is_rate, state[base + B_CLOSE], price, session - int(state[base + B_SESSION]))
    if state[N] == 0.0:
        return APPLIED
    return judge(state, is_rate, state[P + PRICES - 1], price, session - int(state[FINAL]))
