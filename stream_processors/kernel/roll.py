"""Applying ticks to states, and reading rows from them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from stream_processors.kernel.bars import close_session, finalise_oldest, place_in_bar, read_sessions, to_x
from stream_processors.kernel.compiled import compiled
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
    LATE,
    NEWEST,
    OFFSET,
    OLDEST,
    PENDING,
    PER_WINDOW,
    SEEN,
    SESSION_SIZE,
    SESSION_STATE,
    SKIPPED,
    WINDOW_STATE,
    WINDOWS,
    FloatArray,
    IntArray,
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
    " int64, int64, int64[:], float64[:,:], float64[:,:])",
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
    outcome          : out, shape (n,), APPLIED, LATE, BAD_PRICE, BAD_SIZE, AHEAD or SKIPPED per tick.
    bars, rows       : out, shape (2 * n, FINAL_BAR_SIZE) and (2 * n, row_size): bars that became final, in
                       order, with the features as of that close; a tick ends at most two. NaN where a
                       feature is not warm.
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
        if not math.isfinite(p) or (p <= 0.0 and not rate):
            outcome[i] = BAD_PRICE
            continue
        if size[i] < 0.0 or math.isinf(size[i]):
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
        if math.isnan(state[NEWEST]):
            state[OLDEST] = at
            state[NEWEST] = at
        newest = max(int(state[NEWEST]), at)
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
        place_in_bar(state, session, at, p)
        for w in range(len(windows)):
            base = SESSION_STATE + w * WINDOW_STATE
            place_in_tile(state[base : base + WINDOW_STATE], windows[w, 0], at, p, size[i])
        state[OLDEST] = min(state[OLDEST], float(at))
        state[NEWEST] = newest
        state[SEEN] = seen_ms
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
        np.empty((2 * n, FINAL_BAR_SIZE)),
        np.empty((2 * n, row_size(windows))),
    )
