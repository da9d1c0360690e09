"""The rolling kernel: ticks in, final session bars and feature rows out. The only place features are computed.

Why not running sums: they drift, and a drifted sum no longer equals a clean replay bit for bit. Here a tick
costs O(1) (it moves the open bar), and a row is recomputed exactly from the last 252 closes when somebody
will read it, about a microsecond. Recursive averages move only when a session becomes final.

State of one symbol is one float64 vector of STATE_SIZE, so a snapshot is its bytes. Up to two bars are
pending: a session stays pending until a tick beyond its close plus the grace arrives, so ticks out of order
within the grace land in the right bar. A row counts pending bars as closed at their latest price.

A price (kind price) enters as its logarithm; a rate (percent per year) enters as rate / 100, so its "log
returns" are changes in the rate.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

from feature_repo.features import NUMERIC, ROW_SIZE, WINDOW_CHANNELS, WINDOW_SESSIONS

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DEPTH = 256  # closes kept: 252 returns need 253
PRICES = 20  # prices kept for the Bollinger mean
EWMA_DECAY = 0.94
RSI_SESSIONS = 14

# Layout of a symbol's state.
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
NEWEST = FINAL + 1  # newest event time, ms
SEEN = NEWEST + 1  # when the latest tick was read, ms
OFFSET = SEEN + 1  # newest source offset contained in this state, -1 before the first
PENDING = OFFSET + 1  # number of pending bars, 0..2
BAR = PENDING + 1  # two pending bars of BAR_SIZE
BAR_SIZE = 7
B_SESSION, B_OPEN, B_HIGH, B_LOW, B_CLOSE, B_CLOSE_MS, B_TICKS = range(BAR_SIZE)
STATE_SIZE = BAR + 2 * BAR_SIZE

# A final bar as the kernel returns it.
FINAL_BAR_SIZE = BAR_SIZE + 1  # the bar, then the symbol's row in the state matrix

# What became of a tick.
APPLIED, LATE, BAD_PRICE, AHEAD, SKIPPED = range(5)
REASONS = {LATE: "late", BAD_PRICE: "bad_price", AHEAD: "ahead_of_clock"}

NUMERIC_SIZE = len(NUMERIC)


def empty_states(symbols: int) -> FloatArray:
    """States of symbols that have seen nothing. Shape (symbols, STATE_SIZE)."""
    states = np.zeros((symbols, STATE_SIZE))
    states[:, FINAL] = -1
    states[:, OFFSET] = -1
    return states


@nb.njit("void(float64[:], float64, float64)", cache=True)
def _close_session(state: FloatArray, price: float, x: float) -> None:
    """Append one final close to the rings and move the recursive averages."""
    n = int(state[N])
    previous_x = state[X + DEPTH - 1]
    previous_price = state[P + PRICES - 1]
    for i in range(DEPTH - 1):
        state[X + i] = state[X + i + 1]
    state[X + DEPTH - 1] = x
    for i in range(PRICES - 1):
        state[P + i] = state[P + i + 1]
    state[P + PRICES - 1] = price
    state[N] = n + 1
    if n == 0:
        state[EMA12] = price
        state[EMA26] = price
        return
    state[EMA12] += (price - state[EMA12]) * (2.0 / 13.0)
    state[EMA26] += (price - state[EMA26]) * (2.0 / 27.0)

    change = price - previous_price
    gain, loss = max(change, 0.0), max(-change, 0.0)
    if n <= RSI_SESSIONS:  # Wilder starts from the plain mean of the first 14 changes
        state[GAIN] += gain / RSI_SESSIONS
        state[LOSS] += loss / RSI_SESSIONS
    else:
        state[GAIN] += (gain - state[GAIN]) / RSI_SESSIONS
        state[LOSS] += (loss - state[LOSS]) / RSI_SESSIONS

    r = x - previous_x
    sigma = math.sqrt(state[VAR])
    z = r / sigma if sigma > 0.0 else 0.0
    state[VAR] = r * r if n == 1 else EWMA_DECAY * state[VAR] + (1.0 - EWMA_DECAY) * r * r

    squares = 0.0
    known = min(n, 252)
    for i in range(known):
        d = state[X + DEPTH - 1 - i] - state[X + DEPTH - 2 - i]
        squares += d * d
    long_run = math.sqrt(squares / known)
    now = math.sqrt(state[VAR])
    for i in range(WINDOW_SESSIONS - 1):
        state[Z + i] = state[Z + i + 1]
        state[LV + i] = state[LV + i + 1]
    # Clipped: one absurd return must not be all that the model sees.
    state[Z + WINDOW_SESSIONS - 1] = min(max(z, -10.0), 10.0)
    state[LV + WINDOW_SESSIONS - 1] = math.log(now / long_run) if now > 0.0 and long_run > 0.0 else 0.0


@nb.njit("void(float64[:], float64[:])", cache=True)
def _read_row(state: FloatArray, row: FloatArray) -> None:
    """Write the features of a state without pending bars into row, shape (ROW_SIZE,); NaN where not warm."""
    row[:] = np.nan
    n = int(state[N])
    if n == 0:
        return
    last = X + DEPTH - 1
    x = state[last]
    row[0] = state[P + PRICES - 1]
    sigma = math.sqrt(state[VAR])

    column = 1
    for span in (1, 5, 21, 63, 252):
        if n > span:
            row[column] = x - state[last - span]
        column += 1
    for span in (5, 21, 63, 252):
        if n > span:
            squares = 0.0
            for i in range(span):
                d = state[last - i] - state[last - i - 1]
                squares += d * d
            row[column] = math.sqrt(squares)
        column += 1
    if n >= 21:
        row[column] = sigma
    column += 1
    if n >= 12:
        row[column] = state[EMA12]
    column += 1
    if n >= 26:
        row[column] = state[EMA26]
        row[column + 1] = state[EMA12] - state[EMA26]
    column += 2
    if n > RSI_SESSIONS:
        moved = state[GAIN] + state[LOSS]
        row[column] = 100.0 * state[GAIN] / moved if moved > 0.0 else 50.0
    column += 1
    if n >= PRICES:
        mean = 0.0
        for i in range(PRICES):
            mean += state[P + i]
        mean /= PRICES
        variance = 0.0
        for i in range(PRICES):
            d = state[P + i] - mean
            variance += d * d
        deviation = math.sqrt(variance / PRICES)
        row[column] = (row[0] - mean) / deviation if deviation > 0.0 else 0.0
    column += 1
    highest = x
    for i in range(min(n, 252)):
        highest = max(highest, state[last - i])
    row[column] = x - highest
    column += 1
    for span in (21, 63, 252):
        if n > span:
            scale = sigma * math.sqrt(span)
            row[column] = (x - state[last - span]) / scale if scale > 0.0 else 0.0
        column += 1

    if n >= WINDOW_SESSIONS + 21:
        for i in range(WINDOW_SESSIONS):
            row[NUMERIC_SIZE + i * WINDOW_CHANNELS] = state[Z + i]
            row[NUMERIC_SIZE + i * WINDOW_CHANNELS + 1] = state[LV + i]


@nb.njit("float64(float64, boolean)", cache=True)
def _to_x(price: float, is_rate: bool) -> float:
    return price / 100.0 if is_rate else math.log(price)


@nb.njit("void(float64[:], boolean, float64[:])", cache=True)
def _finalise_oldest(state: FloatArray, is_rate: bool, bar: FloatArray) -> None:
    """Move the oldest pending bar into the rings and copy it to bar, shape (BAR_SIZE,)."""
    bar[:] = state[BAR : BAR + BAR_SIZE]
    _close_session(state, bar[B_CLOSE], _to_x(bar[B_CLOSE], is_rate))
    state[FINAL] = bar[B_SESSION]
    state[BAR : BAR + BAR_SIZE] = state[BAR + BAR_SIZE : BAR + 2 * BAR_SIZE]
    state[PENDING] -= 1


@nb.njit("int64(float64[:], int64, int64, float64)", cache=True)
def _place(state: FloatArray, session: int, event_ms: int, price: float) -> int:
    """Put a tick into its pending bar, opening the bar if need be. Returns APPLIED or LATE.

    The caller has made room: at most one bar is pending when `session` is newer than both.
    """
    pending = int(state[PENDING])
    for slot in range(pending):
        base = BAR + slot * BAR_SIZE
        if int(state[base + B_SESSION]) == session:
            state[base + B_HIGH] = max(state[base + B_HIGH], price)
            state[base + B_LOW] = min(state[base + B_LOW], price)
            state[base + B_TICKS] += 1
            if event_ms >= state[base + B_CLOSE_MS]:  # at equal times the later arrival is the newer
                state[base + B_CLOSE] = price
                state[base + B_CLOSE_MS] = event_ms
            return APPLIED
    if pending == 2:
        return LATE
    slot = pending
    if pending == 1 and session < int(state[BAR + B_SESSION]):  # out of order across a close
        state[BAR + BAR_SIZE : BAR + 2 * BAR_SIZE] = state[BAR : BAR + BAR_SIZE]
        slot = 0
    base = BAR + slot * BAR_SIZE
    state[base + B_SESSION] = session
    state[base + B_OPEN] = price
    state[base + B_HIGH] = price
    state[base + B_LOW] = price
    state[base + B_CLOSE] = price
    state[base + B_CLOSE_MS] = event_ms
    state[base + B_TICKS] = 1
    state[PENDING] += 1
    return APPLIED


@nb.njit(
    "int64(float64[:,:], boolean[:], int64[:], int64[:], float64[:], int64[:], int64, int64, int64,"
    " int64[:], float64[:,:], float64[:,:])",
    cache=True,
)
def apply_ticks(
    states: FloatArray,
    is_rate: npt.NDArray[np.bool_],
    symbol: IntArray,
    event_ms: IntArray,
    price: FloatArray,
    session_close_ms: IntArray,
    seen_ms: int,
    offset: int,
    grace_ms: int,
    outcome: IntArray,
    bars: FloatArray,
    rows: FloatArray,
) -> int:
    """Apply n ticks in arrival order; states are changed in place. Returns how many bars became final.

    states, is_rate  : shape (symbols, STATE_SIZE) and (symbols,).
    symbol, event_ms, price : shape (n,); row in states, ms since epoch, quote.
    session_close_ms : increasing closes of all sessions.
    seen_ms, offset  : of the whole record. Symbols whose state already contains `offset` are skipped, so
                       that a record replayed after a restart counts once.
    grace_ms         : how far behind the newest event of its symbol a tick may be.
    outcome          : out, shape (n,), APPLIED, LATE, BAD_PRICE, AHEAD or SKIPPED per tick.
    bars, rows       : out, shape (2 * n, FINAL_BAR_SIZE) and (2 * n, ROW_SIZE): bars that became final, in
                       order, with the features as of that close; a tick ends at most two. NaN where a
                       feature is not warm.
    """
    finals = 0
    for i in range(len(symbol)):
        s = symbol[i]
        state = states[s]
        if offset <= state[OFFSET]:
            outcome[i] = SKIPPED
            continue
        rate, p, at = is_rate[s], price[i], event_ms[i]
        if not math.isfinite(p) or (p <= 0.0 and not rate):
            outcome[i] = BAD_PRICE
            continue
        if at > seen_ms + 5000:
            outcome[i] = AHEAD
            continue
        session = np.searchsorted(session_close_ms, at)
        if session == len(session_close_ms):
            outcome[i] = AHEAD
            continue
        if session <= state[FINAL] or (state[NEWEST] > 0 and at < state[NEWEST] - grace_ms):
            outcome[i] = LATE
            continue
        pending = int(state[PENDING])
        # A third session needs room: the oldest is final whatever the grace, its successor has ended too.
        if pending == 2 and session > state[BAR + BAR_SIZE + B_SESSION]:
            _finalise_oldest(state, rate, bars[finals, :BAR_SIZE])
            bars[finals, BAR_SIZE] = s
            _read_row(state, rows[finals])
            finals += 1
        outcome[i] = _place(state, session, at, p)
        if outcome[i] != APPLIED:
            continue
        state[NEWEST] = max(state[NEWEST], float(at))
        state[SEEN] = seen_ms
        while (
            int(state[PENDING]) == 2
            and state[NEWEST] > session_close_ms[int(state[BAR + B_SESSION])] + grace_ms
        ):
            _finalise_oldest(state, rate, bars[finals, :BAR_SIZE])
            bars[finals, BAR_SIZE] = s
            _read_row(state, rows[finals])
            finals += 1
    for i in range(len(symbol)):
        states[symbol[i], OFFSET] = max(states[symbol[i], OFFSET], float(offset))
    return finals


@nb.njit("void(float64[:,:], boolean[:], int64[:], float64[:,:])", cache=True)
def read_rows(states: FloatArray, is_rate: npt.NDArray[np.bool_], symbol: IntArray, rows: FloatArray) -> None:
    """Features of the given symbols with their pending bars counted as closed; rows is (n, ROW_SIZE)."""
    scratch = np.empty(STATE_SIZE)
    for i in range(len(symbol)):
        scratch[:] = states[symbol[i]]
        for slot in range(int(scratch[PENDING])):
            close = scratch[BAR + slot * BAR_SIZE + B_CLOSE]
            _close_session(scratch, close, _to_x(close, is_rate[symbol[i]]))
        _read_row(scratch, rows[i])


def new_rows(n: int) -> tuple[IntArray, FloatArray, FloatArray]:
    """Output buffers of apply_ticks for n ticks: outcome, bars, rows."""
    return (
        np.empty(n, dtype=np.int64),
        np.empty((2 * n, FINAL_BAR_SIZE)),
        np.empty((2 * n, ROW_SIZE)),
    )
