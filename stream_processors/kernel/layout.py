"""Where everything lies in the state of one symbol, in a bar and in a row.

State of one symbol is one float64 vector, so a snapshot is its bytes: the session part, then one part per
intraday window. Up to two bars are pending: a session stays pending until a tick beyond its close plus the
grace arrives, so ticks out of order within the grace land in the right bar. A row counts pending bars as
closed at their latest price.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from feature_repo.features import (
    INTRADAY_PER_WINDOW,
    INTRADAY_WINDOWS,
    SESSION_FEATURES,
    TILES,
    WINDOW_SESSIONS,
    WINDOW_SIZE,
)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DEPTH = 256  # closes kept: 252 returns need 253
PRICES = 20  # prices kept for the Bollinger mean
EWMA_DECAY = 0.94
RSI_SESSIONS = 14
GRACE_MS = 5_000  # how far behind the newest event of its symbol a tick may be

# The session part.
X = 0  # DEPTH log closes, newest last
P = X + DEPTH  # PRICES closes, newest last
Z = P + PRICES  # WINDOW_SESSIONS standardised returns, newest last
LV = Z + WINDOW_SESSIONS  # WINDOW_SESSIONS log volatility ratios, newest last
N = LV + WINDOW_SESSIONS  # final sessions
VAR = N + 1  # exponentially weighted mean squared return
EMA12 = VAR + 1
EMA26 = EMA12 + 1
GAIN = EMA26 + 1  # Wilder's average gain and loss
LOSS = GAIN + 1
FINAL = LOSS + 1  # index of the newest final session, -1 before the first
OLDEST = FINAL + 1  # oldest event time, ms; NaN before the first tick
NEWEST = OLDEST + 1  # newest event time, ms; NaN before the first tick
SEEN = NEWEST + 1  # when the latest tick was read, ms
OFFSET = SEEN + 1  # newest source offset contained in this state, -1 before the first
HELD_MS = (
    OFFSET + 1
)  # a jump or a split that waits for its confirmation: when it happened, NaN where there is none
HELD_PRICE = HELD_MS + 1
HELD_SIZE = HELD_PRICE + 1
PENDING = HELD_SIZE + 1  # number of pending bars, 0..2
BAR = PENDING + 1  # two pending bars of BAR_SIZE
BAR_SIZE = 7
B_SESSION, B_OPEN, B_HIGH, B_LOW, B_CLOSE, B_CLOSE_MS, B_TICKS = range(BAR_SIZE)
SESSION_STATE = BAR + 2 * BAR_SIZE

# The part of one intraday window: a header, then a ring of tiles. Tile t covers (t * tile_ms, (t+1) * tile_ms],
# so a tick at the very close of a session belongs to it. The ring also holds the tiles of the grace: those of a
# closed session must still be there when it becomes final.
RING = TILES + 6
H_NEWEST, H_EMA, H_EMA_TILE, H_PRICE, H_MS = range(
    5
)  # the last four are of the newest tile that left the ring
HEADER = 5
TILE_SIZE = 8
T_TILE, T_MS, T_PRICE, T_HIGH, T_LOW, T_TICKS, T_SIZE, T_NOTIONAL = range(TILE_SIZE)
WINDOW_STATE = HEADER + RING * TILE_SIZE
NO_TILE = -1e18

# One row per window: tile length, window length, age that a reference price may have before the window.
WINDOWS: IntArray = np.array(
    [[window.tile_ms, window.length_ms, window.reference_ms] for window in INTRADAY_WINDOWS], dtype=np.int64
)
if max(GRACE_MS // window.tile_ms + 2 for window in INTRADAY_WINDOWS) > RING - TILES:
    raise ValueError("the ring of tiles is too short for the grace")

SESSION_SIZE = len(SESSION_FEATURES)
PER_WINDOW = INTRADAY_PER_WINDOW

# A final bar as the kernel returns it: the bar, then the symbol's row in the state matrix.
FINAL_BAR_SIZE = BAR_SIZE + 1

# What became of a tick.
# RELEASED: applied, and the jump before it that it confirms with it.
APPLIED, RELEASED, SKIPPED, LATE, BAD_PRICE, BAD_SIZE, AHEAD, JUMP, SPLIT = range(9)
REASONS = {
    LATE: "late",
    BAD_PRICE: "bad_price",
    BAD_SIZE: "bad_size",
    AHEAD: "ahead_of_clock",
    JUMP: "jump",
    SPLIT: "split_like",
}


def state_size(windows: int) -> int:
    """Length of a symbol's state with so many intraday windows."""
    return SESSION_STATE + windows * WINDOW_STATE


def row_size(windows: int) -> int:
    """Length of a row: session features, features of each window, the model's input window."""
    return SESSION_SIZE + windows * PER_WINDOW + WINDOW_SIZE


STATE_SIZE = state_size(len(WINDOWS))


def empty_states(symbols: int, windows: int = len(WINDOWS)) -> FloatArray:
    """States of symbols that have seen nothing. Shape (symbols, state_size(windows))."""
    states = np.zeros((symbols, state_size(windows)))
    states[:, [FINAL, OFFSET]] = -1
    states[:, [OLDEST, NEWEST, HELD_MS]] = np.nan
    for window in range(windows):
        base = SESSION_STATE + window * WINDOW_STATE
        states[:, [base + H_NEWEST, base + H_EMA_TILE]] = NO_TILE
        states[:, [base + H_EMA, base + H_PRICE, base + H_MS]] = np.nan
        states[:, base + HEADER + T_TILE : base + WINDOW_STATE : TILE_SIZE] = NO_TILE
    return states
