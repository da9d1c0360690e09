"""What an allocation went through in known crises, from the closes that were recorded. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from producers.universe import Asset, Universe

YEAR_SESSIONS = 252
SLACK_DAYS = 7  # that the first and the last close may be inside the window's ends

Closes = Mapping[str, Mapping[int, float]]  # symbol -> session date (yyyymmdd) -> final close


@dataclass(frozen=True)
class Window:
    """A crisis by the sessions of its high and its low in the S&P 500. Dates yyyymmdd."""

    name: str
    first: int
    last: int


WINDOWS = (
    Window("Dot-com bust, 2000 to 2002", 20000324, 20021009),
    Window("Financial crisis, 2007 to 2009", 20071009, 20090309),
    Window("Covid crash, early 2020", 20200219, 20200323),
    Window("Inflation and rates, 2022", 20220103, 20221012),
)


@dataclass(frozen=True)
class Stress:
    """An allocation bought at the window's start and held, before inflation. Fractions; None without history."""

    change: float | None
    worst_fall: float | None  # deepest fall below an earlier high
    missing: tuple[str, ...] = ()  # names of the chosen assets without closes then


def stress(window: Window, weights: Mapping[str, float], closes: Closes, universe: Universe) -> Stress:
    """weights : percent per asset id, sum 100."""
    missing = tuple(
        asset.name
        for asset in universe.asset
        if weights.get(asset.id, 0) > 0 and not _covers(asset, sorted(closes.get(asset.symbol, {})), window)
    )
    if missing:
        return Stress(None, None, missing)
    value = path(weights, closes, universe, window.first, window.last)[1]
    peak, fall = 0.0, 0.0
    for one in value:
        peak = max(peak, one)
        fall = max(fall, 1 - one / peak)
    return Stress(value[-1] - 1, fall)


def path(
    weights: Mapping[str, float], closes: Closes, universe: Universe, first: int, last: int
) -> tuple[list[int], list[float]]:
    """Session dates in [first, last] and the value of 1 put in at the first of them, bought and held.

    The dates are those on which every chosen asset with a price has a close; a deposit earns each day's rate.
    Empty when there are none.
    """
    chosen = [asset for asset in universe.asset if weights.get(asset.id, 0) > 0]
    series = {asset.id: closes.get(asset.symbol, {}) for asset in chosen}
    priced = [asset.id for asset in chosen if asset.kind == "price"]
    basis = priced or [asset.id for asset in chosen]
    if not basis:
        return [], []
    common = set(series[basis[0]]).intersection(*(series[name] for name in basis[1:]))
    dates = sorted(day for day in common if first <= day <= last)
    if not dates:
        return [], []
    columns = {
        asset.id: _growth(series[asset.id], dates)
        if asset.kind == "price"
        else _interest(series[asset.id], dates)
        for asset in chosen
    }
    value = [
        sum(weights[name] / 100 * column[at] for name, column in columns.items()) for at in range(len(dates))
    ]
    return dates, value


def _growth(series: Mapping[int, float], dates: Sequence[int]) -> list[float]:
    return [series[day] / series[dates[0]] for day in dates]


def _interest(series: Mapping[int, float], dates: Sequence[int]) -> list[float]:
    """A deposit's value; the rate of a day (percent per year) is the newest known then, 0 before the first."""
    known = sorted(series)
    value, values = 1.0, [1.0]
    for day in dates[:-1]:
        at = bisect_right(known, day) - 1
        value *= 1 + (series[known[at]] / 100 / YEAR_SESSIONS if at >= 0 else 0.0)
        values.append(value)
    return values


def _covers(asset: Asset, dates: Sequence[int], window: Window) -> bool:
    """Whether there is a close near both ends; a rate holds until the next one, so one before is enough."""
    if asset.kind == "rate":
        return bool(dates) and dates[0] <= window.first
    start, end = bisect_left(dates, window.first), bisect_right(dates, window.last) - 1
    if start >= end:
        return False
    late, early = _day(dates[start]) - _day(window.first), _day(window.last) - _day(dates[end])
    return max(late, early) <= SLACK_DAYS


def _day(yyyymmdd: int) -> int:
    return date(yyyymmdd // 10_000, yyyymmdd // 100 % 100, yyyymmdd % 100).toordinal()
