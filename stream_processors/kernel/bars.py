"""Session bars: opening, moving and closing them, and the features computed from their closes."""

from __future__ import annotations

import math

from feature_repo.features import WINDOW_CHANNELS, WINDOW_SESSIONS
from stream_processors.kernel.compiled import compiled
from stream_processors.kernel.layout import (
    B_CLOSE,
    B_CLOSE_MS,
    B_HIGH,
    B_LOW,
    B_OPEN,
    B_SESSION,
    B_TICKS,
    BAR,
    BAR_SIZE,
    DEPTH,
    EMA12,
    EMA26,
    EWMA_DECAY,
    FINAL,
    GAIN,
    LOSS,
    LV,
    PENDING,
    PRICES,
    RSI_SESSIONS,
    VAR,
    FloatArray,
    N,
    P,
    X,
    Z,
)


@compiled("float64(float64, boolean)")
def to_x(price: float, is_rate: bool) -> float:
    """The additive form of a price: its differences are log returns, or changes of a rate."""
    return price / 100.0 if is_rate else math.log(price)


@compiled("void(float64[:], int64, int64, float64)")
def place_in_bar(state: FloatArray, session: int, event_ms: int, price: float) -> None:
    """Put a tick into its pending bar, opening the bar if need be.

    The caller has made every bar final that must be: there is room for one more.
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
            return
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


@compiled("void(float64[:], float64, float64)")
def close_session(state: FloatArray, price: float, x: float) -> None:
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


@compiled("void(float64[:], boolean, float64[:])")
def finalise_oldest(state: FloatArray, is_rate: bool, bar: FloatArray) -> None:
    """Move the oldest pending bar into the rings and copy it to bar, shape (BAR_SIZE,)."""
    bar[:] = state[BAR : BAR + BAR_SIZE]
    close_session(state, bar[B_CLOSE], to_x(bar[B_CLOSE], is_rate))
    state[FINAL] = bar[B_SESSION]
    state[BAR : BAR + BAR_SIZE] = state[BAR + BAR_SIZE : BAR + 2 * BAR_SIZE]
    state[PENDING] -= 1


@compiled("void(float64[:], float64[:], int64)")
def read_sessions(state: FloatArray, row: FloatArray, window_column: int) -> None:
    """Write the session features of a state without pending bars into a row that is NaN everywhere.

    The model's input window goes to `window_column`; what is not warm stays NaN.
    """
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
            row[window_column + i * WINDOW_CHANNELS] = state[Z + i]
            row[window_column + i * WINDOW_CHANNELS + 1] = state[LV + i]
