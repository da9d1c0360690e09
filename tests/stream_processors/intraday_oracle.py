"""Intraday features the slow way: from the list of all ticks, by their definitions."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from feature_repo.features import INTRADAY_WINDOWS, TILES, IntradayWindow


@dataclass(frozen=True)
class Tick:
    event_ms: int
    price: float
    size: float | None = None


def features(ticks: list[Tick], as_of_ms: int, is_rate: bool = False) -> dict[str, float]:
    """Every intraday feature as of a moment; ticks in any order, equal times by arrival. NaN: no value."""
    known = sorted((tick for tick in ticks if tick.event_ms <= as_of_ms), key=lambda tick: tick.event_ms)
    out: dict[str, float] = {}
    for window in INTRADAY_WINDOWS:
        out |= {f"{name}_{window.label}": value for name, value in _window(known, as_of_ms, window, is_rate)}
    return out


def _x(price: float, is_rate: bool) -> float:
    return price / 100 if is_rate else math.log(price)


def _window(
    ticks: list[Tick], as_of_ms: int, window: IntradayWindow, is_rate: bool
) -> list[tuple[str, float]]:
    nan = math.nan
    names = ("log_return", "realised_volatility", "ema", "range", "tick_rate", "vwap")
    if not ticks:
        return [(name, nan) for name in names]
    tile_ms = window.length_ms // TILES
    last_tile = math.ceil(as_of_ms / tile_ms)  # tile t covers ((t-1) * tile_ms, t * tile_ms]
    begin_ms = (last_tile - TILES) * tile_ms
    inside = [tick for tick in ticks if tick.event_ms > begin_ms]
    before = [tick for tick in ticks if tick.event_ms <= begin_ms]
    closes: dict[int, Tick] = {}
    for tick in ticks:
        closes[math.ceil(tick.event_ms / tile_ms)] = tick

    log_return = volatility = nan
    if inside and before and as_of_ms - before[-1].event_ms <= window.length_ms + window.reference_ms:
        path = [before[-1].price] + [t.price for tile, t in closes.items() if tile > last_tile - TILES]
        x = [_x(price, is_rate) for price in path]
        log_return = x[-1] - x[0]
        volatility = math.sqrt(sum((b - a) ** 2 for a, b in itertools.pairwise(x)))

    ema, previous = nan, 0
    for tile, tick in closes.items():
        ema = (
            tick.price
            if math.isnan(ema)
            else ema + (1 - math.exp(-(tile - previous) / TILES)) * (tick.price - ema)
        )
        previous = tile
    spread = rate = vwap = nan
    if inside:
        prices = [tick.price for tick in inside]
        spread = _x(max(prices), is_rate) - _x(min(prices), is_rate)
        sized = [(tick.price, tick.size) for tick in inside if tick.size is not None]
        volume = sum(size for _, size in sized)
        vwap = sum(price * size for price, size in sized) / volume if volume > 0 else nan
    rate = len(inside) / ((as_of_ms - begin_ms) / 1000)
    if as_of_ms - ticks[0].event_ms < window.length_ms:
        ema = spread = rate = vwap = nan
    return list(zip(names, (log_return, volatility, ema, spread, rate, vwap), strict=True))
