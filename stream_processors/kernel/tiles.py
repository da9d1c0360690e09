"""Intraday windows: a ring of tiles per window, and the features computed from them.

A tick touches one tile per window. What a tile holds does not depend on the order in which its ticks arrived
(sums of sizes up to rounding). The moving average and the reference price before a window move only with
tiles that left the ring, which no tick within the grace can change any more.
"""

from __future__ import annotations

import math

from feature_repo.features import TILES
from stream_processors.kernel.bars import to_x
from stream_processors.kernel.compiled import compiled
from stream_processors.kernel.layout import (
    H_EMA,
    H_EMA_TILE,
    H_MS,
    H_NEWEST,
    H_PRICE,
    HEADER,
    NO_TILE,
    RING,
    T_HIGH,
    T_LOW,
    T_MS,
    T_NOTIONAL,
    T_PRICE,
    T_SIZE,
    T_TICKS,
    T_TILE,
    TILE_SIZE,
    FloatArray,
)


@compiled("int64(int64, int64)")
def tile_of(event_ms: int, tile_ms: int) -> int:
    """Tile t covers (t * tile_ms, (t + 1) * tile_ms]."""
    return (event_ms - 1) // tile_ms


@compiled("float64(float64, float64, float64)")
def _averaged(ema: float, price: float, tiles: float) -> float:
    """The moving average after a close that came so many tiles after the one before."""
    if math.isnan(ema):
        return price
    return ema + (1.0 - math.exp(-tiles / TILES)) * (price - ema)


@compiled("void(float64[:], int64, int64, float64, float64)")
def place_in_tile(part: FloatArray, tile_ms: int, event_ms: int, price: float, size: float) -> None:
    """Put a tick into its tile. `part` is the state of one window; size NaN means unknown.

    The tick is at most the grace behind the newest one, so its tile is in the ring.
    """
    tile = tile_of(event_ms, tile_ms)
    if float(tile) > part[H_NEWEST]:
        if part[H_NEWEST] != NO_TILE:
            newest = int(part[H_NEWEST])
            for leaving in range(newest - RING + 1, min(newest, tile - RING) + 1):
                base = HEADER + (leaving % RING) * TILE_SIZE
                if part[base + T_TILE] == float(leaving):
                    part[H_EMA] = _averaged(part[H_EMA], part[base + T_PRICE], leaving - part[H_EMA_TILE])
                    part[H_EMA_TILE] = leaving
                    part[H_PRICE] = part[base + T_PRICE]
                    part[H_MS] = part[base + T_MS]
        part[H_NEWEST] = tile
    base = HEADER + (tile % RING) * TILE_SIZE
    if part[base + T_TILE] != float(tile):
        part[base + T_TILE] = tile
        part[base + T_MS] = event_ms
        part[base + T_PRICE] = price
        part[base + T_HIGH] = price
        part[base + T_LOW] = price
        part[base + T_TICKS] = 0.0
        part[base + T_SIZE] = 0.0
        part[base + T_NOTIONAL] = 0.0
    else:
        part[base + T_HIGH] = max(part[base + T_HIGH], price)
        part[base + T_LOW] = min(part[base + T_LOW], price)
        if event_ms >= part[base + T_MS]:  # at equal times the later arrival is the newer
            part[base + T_PRICE] = price
            part[base + T_MS] = event_ms
    part[base + T_TICKS] += 1.0
    if not math.isnan(size):
        part[base + T_SIZE] += size
        part[base + T_NOTIONAL] += price * size


@compiled("void(float64[:], int64, int64, int64, int64, int64, boolean, float64[:])")
def read_window(
    part: FloatArray,
    tile_ms: int,
    length_ms: int,
    reference_ms: int,
    oldest_ms: int,
    as_of_ms: int,
    is_rate: bool,
    out: FloatArray,
) -> None:
    """Features of one window as of a moment that is at most the grace before the newest tick.

    oldest_ms : the symbol's first tick: until it is a window old, nothing is warm.
    out       : shape (PER_WINDOW,), NaN on entry: log return, realised volatility, moving average, range,
                tick rate, volume-weighted price. What has no value stays NaN.
    """
    if part[H_NEWEST] == NO_TILE:
        return
    newest = int(part[H_NEWEST])
    last = tile_of(as_of_ms, tile_ms)
    first = last - TILES + 1
    ema, ema_tile = part[H_EMA], part[H_EMA_TILE]
    price, price_ms = part[H_PRICE], part[H_MS]
    x, squares, has_reference = 0.0, 0.0, False
    reference_x = 0.0
    high, low, ticks, size, notional = -math.inf, math.inf, 0.0, 0.0, 0.0
    one_tile = 1.0 - math.exp(-1.0 / TILES)
    for tile in range(newest - RING + 1, min(newest, last) + 1):
        base = HEADER + (tile % RING) * TILE_SIZE
        if part[base + T_TILE] != float(tile):
            continue
        if tile >= first:
            if ticks == 0.0 and as_of_ms - price_ms <= length_ms + reference_ms:  # false for NaN
                has_reference = True
                reference_x = to_x(price, is_rate)
                x = reference_x
            if has_reference:
                close = to_x(part[base + T_PRICE], is_rate)
                squares += (close - x) * (close - x)
                x = close
            high = max(high, part[base + T_HIGH])
            low = min(low, part[base + T_LOW])
            ticks += part[base + T_TICKS]
            size += part[base + T_SIZE]
            notional += part[base + T_NOTIONAL]
        price, price_ms = part[base + T_PRICE], part[base + T_MS]
        if tile == ema_tile + 1.0:
            ema += one_tile * (price - ema)
        else:
            ema = _averaged(ema, price, tile - ema_tile)
        ema_tile = tile
    if has_reference:
        out[0] = x - reference_x
        out[1] = math.sqrt(squares)
    if as_of_ms - oldest_ms < length_ms:
        return
    out[2] = ema
    if ticks > 0.0:
        out[3] = to_x(high, is_rate) - to_x(low, is_rate)
    out[4] = ticks / ((as_of_ms - first * tile_ms) / 1000.0)
    if size > 0.0:
        out[5] = notional / size
