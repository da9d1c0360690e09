"""Applying ticks to states, and reading rows from them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from producers.tick import MAX_PRICE, MAX_RATE, MAX_SIZE
from stream_processors.kernel.bars import close_session, finalise_oldest, place_in_bar, read_sessions, to_x
from stream_processors.kernel.compiled import compiled
from stream_processors.kernel.gate import SMALL_MOVE, SMALL_RATE_MOVE, judge, judge_next
from stream_processors.kernel.layout import (
    AHEAD,
    APPLIED,
    B_CLOSE,
    B_SESSION,
    BAD_PRICE,
    BAD_SIZE,
    BAR,
    BAR_SIZE,
    FINAL,
    FINAL_BAR_SIZE,
    GRACE_MS,
    HELD_MS,
    HELD_PRICE,
    HELD_SIZE,
    JUMP,
    LATE,
    NEWEST,
    OFFSET,
    OLDEST,
    PENDING,
    PER_WINDOW,
    PRICES,
    RELEASED,
    SEEN,
    SESSION_SIZE,
    SESSION_STATE,
    SKIPPED,
    SPLIT,
    WINDOW_STATE,
    WINDOWS,
    FloatArray,
    IntArray,
    P,
    row_size,
)
from stream_processors.kernel.tiles import place_in_tile, read_window

AHEAD_MS = 5_000  # how far an event may be ahead of the moment at which it was read


@compiled("void(float64[:], int64[:,:], int64, boolean, float64[:])")
def _read_windows(
    state: FloatArray, windows: IntArray, as_of_ms: int, is_rate: bool, row: FloatArray
) -> None:
    for w in range(len(windows)):
        base = SESSION_STATE + w * WINDOW_STATE
        column = SESSION_SIZE + w * PER_WINDOW
        read_window(
            state[base : base + WINDOW_STATE],
            windows[w, 0],
            windows[w, 1],
            windows[w, 2],
            int(state[OLDEST]),
            as_of_ms,
            is_rate,
            row[column : column + PER_WINDOW],
        )


@compiled(
    "int64(float64[:,:], boolean[:], int64[:,:], int64[:], int64[:], float64[:], float64[:], int64[:],"
    " int64, int64, boolean, int64[:], float64[:,:], float64[:,:])",
)
def apply_ticks(
    states: FloatArray,
    is_rate: npt.NDArray[np.bool_],
    windows: IntArray,
    symbol: IntArray,
    event_ms: IntArray,
    price: FloatArray,
    size: FloatArray,
    session_close_ms: IntArray,
    seen_ms: int,
    offset: int,
    gated: bool,
    outcome: IntArray,
    bars: FloatArray,
    rows: FloatArray,
) -> int:
    """Apply n ticks in arrival order; states are changed in place. Returns how many bars became final.

    states, is_rate  : shape (symbols, state_size) and (symbols,).
    windows          : shape (w, 3), as layout.WINDOWS.
    symbol, event_ms, price, size : shape (n,); row in states, ms since epoch, quote, units (NaN: unknown).
    session_close_ms : increasing closes of all sessions.
    seen_ms, offset  : of the whole record. Symbols whose state already contains `offset` are skipped, so
                       that a record replayed after a restart counts once.
    gated            : whether jumps are held until the next tick confirms them (kernel/gate.py). A history and
                       official closes are not: who loads them sees what came after, or knows that they are final.
    outcome          : out, shape (n,), what became of each tick (layout.APPLIED and those after it).
    bars, rows       : out, shape (4 * n, FINAL_BAR_SIZE) and (4 * n, row_size): bars that became final, in
                       order, with the features as of that close; a tick ends at most two, and so does one
                       that it releases. NaN where a feature is not warm.
    """
    finals = 0
    window_column = SESSION_SIZE + len(windows) * PER_WINDOW
    for i in range(len(symbol)):
        s = symbol[i]
        state = states[s]
        if offset <= state[OFFSET]:
            outcome[i] = SKIPPED
            continue
        rate = is_rate[s]
        p, at = price[i], event_ms[i]
        if not (abs(p) <= MAX_RATE if rate else 0.0 < p <= MAX_PRICE):  # neither is true for NaN
            outcome[i] = BAD_PRICE
            continue
        if size[i] < 0.0 or size[i] > MAX_SIZE:
            outcome[i] = BAD_SIZE
            continue
        if at > seen_ms + AHEAD_MS:
            outcome[i] = AHEAD
            continue
        session = np.searchsorted(session_close_ms, at)
        if session == len(session_close_ms):
            outcome[i] = AHEAD
            continue
        if session <= state[FINAL] or at < state[NEWEST] - GRACE_MS:  # false for NaN
            outcome[i] = LATE
            continue
        outcome[i] = APPLIED
        held_session = session
        if gated:
            # Nearly every tick is near the last one; that is seen here, without a call.
            verdict = APPLIED
            pending = int(state[PENDING])
            last = state[BAR + (pending - 1) * BAR_SIZE + B_CLOSE] if pending > 0 else state[P + PRICES - 1]
            if abs(p - last) > (SMALL_RATE_MOVE if rate else SMALL_MOVE * last):
                verdict = judge_next(state, rate, p, session)
            if verdict != APPLIED:
                held_ms = state[HELD_MS]
                agrees, confirmed = False, False
                if held_ms <= at:  # false for NaN
                    held_session = np.searchsorted(session_close_ms, int(held_ms))
                    agrees = judge(state, rate, state[HELD_PRICE], p, session - held_session) == APPLIED
                if agrees and verdict == SPLIT:
                    # It says the same as long as a whole session after the one in which it began: so it is one.
                    confirmed = (
                        held_session + 1 < len(session_close_ms) and at >= session_close_ms[held_session + 1]
                    )
                elif agrees:
                    confirmed = judge_next(state, rate, state[HELD_PRICE], held_session) == JUMP
                if not confirmed:
                    if not (agrees and verdict == SPLIT):
                        state[HELD_MS], state[HELD_PRICE], state[HELD_SIZE] = at, p, size[i]
                    outcome[i] = verdict
                    continue
                if held_session > state[FINAL] and held_ms >= state[NEWEST] - GRACE_MS:
                    outcome[i] = RELEASED
        # The tick that was held, if it is released, and then this one. A loop and not a function: handing over all
        # of these arrays would cost a third of the time.
        for turn in range(1 if outcome[i] == APPLIED else 0, 2):
            if turn == 0:
                this_session, this_ms = held_session, int(state[HELD_MS])
                this_price, this_size = state[HELD_PRICE], state[HELD_SIZE]
            else:
                this_session, this_ms, this_price, this_size = session, at, p, size[i]
            if math.isnan(state[NEWEST]):
                state[OLDEST] = this_ms
                state[NEWEST] = this_ms
            newest = max(int(state[NEWEST]), this_ms)
            # Before the tick is placed: the features of a final bar know nothing of what came after its close.
            while int(state[PENDING]) > 0:
                close_ms = session_close_ms[int(state[BAR + B_SESSION])]
                if newest <= close_ms + GRACE_MS:
                    break
                finalise_oldest(state, rate, bars[finals, :BAR_SIZE])
                bars[finals, BAR_SIZE] = s
                rows[finals] = np.nan
                read_sessions(state, rows[finals], window_column)
                _read_windows(state, windows, close_ms, rate, rows[finals])
                finals += 1
            place_in_bar(state, this_session, this_ms, this_price)
            for w in range(len(windows)):
                base = SESSION_STATE + w * WINDOW_STATE
                place_in_tile(
                    state[base : base + WINDOW_STATE], windows[w, 0], this_ms, this_price, this_size
                )
            state[OLDEST] = min(state[OLDEST], float(this_ms))
            state[NEWEST] = newest
            state[SEEN] = seen_ms
        if not math.isnan(state[HELD_MS]):
            state[HELD_MS] = np.nan
    for i in range(len(symbol)):
        states[symbol[i], OFFSET] = max(states[symbol[i], OFFSET], float(offset))
    return finals


@compiled("void(float64[:,:], boolean[:], int64[:,:], int64[:], float64[:,:])")
def read_rows(
    states: FloatArray, is_rate: npt.NDArray[np.bool_], windows: IntArray, symbol: IntArray, rows: FloatArray
) -> None:
    """Features of the given symbols as of their newest tick, pending bars counted as closed.

    Each symbol must have seen a tick. rows : out, shape (n, row_size).
    """
    scratch = np.empty(SESSION_STATE)
    window_column = SESSION_SIZE + len(windows) * PER_WINDOW
    for i in range(len(symbol)):
        state, rate = states[symbol[i]], is_rate[symbol[i]]
        scratch[:] = state[:SESSION_STATE]
        for slot in range(int(scratch[PENDING])):
            close = scratch[BAR + slot * BAR_SIZE + B_CLOSE]
            close_session(scratch, close, to_x(close, rate))
        rows[i] = np.nan
        read_sessions(scratch, rows[i], window_column)
        _read_windows(state, windows, int(state[NEWEST]), rate, rows[i])


def new_rows(n: int, windows: int = len(WINDOWS)) -> tuple[IntArray, FloatArray, FloatArray]:
    """Output buffers of apply_ticks for n ticks: outcome, bars, rows."""
    return (
        np.empty(n, dtype=np.int64),
        np.empty((4 * n, FINAL_BAR_SIZE)),
        np.empty((4 * n, row_size(windows))),
    )
