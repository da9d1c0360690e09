"""Scoring the forecast log: we said 10 % chance of loss; it happened x of y times. Pure.

A record is scored with the close of the session its horizon ends at, once that session is final, over that of the
session it was made at. Both are of the same past: the price that was forecast from is not, when dividends or a split
were adjusted for since.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec
import numpy as np

from producers.sessions import Sessions
from training.forecast_log import Forecast
from training.horizons import crps

EDGES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)  # of what was said


class Matured(msgspec.Struct, frozen=True):
    """One forecast at one horizon, and what came of it."""

    symbol: str
    session_date: int  # yyyymmdd, the session at whose close it was made
    horizon: int
    model: str
    prob_loss: float  # what was said
    loss: bool  # what happened: the price was lower at the end
    inside90: bool
    below05: bool
    crps: float  # log return


class Said(msgspec.Struct, frozen=True):
    """Forecasts of one asset and horizon that named a chance of loss in [low, high)."""

    low: float
    high: float
    said: float  # mean chance named
    happened: int
    of: int


class Score(msgspec.Struct, frozen=True):
    """One asset and horizon. Overlapping forecasts are not independent: `of` counts them all the same."""

    symbol: str
    horizon: int
    matured: int
    coverage90: float
    left_tail05: float
    crps: float
    said: list[Said]


def matured(
    forecasts: Iterable[Forecast], closes: Mapping[str, Mapping[int, float]], sessions: Sessions
) -> list[Matured]:
    """Every forecast whose horizon has ended.

    closes : symbol -> session date (yyyymmdd) -> final close. The outcome is the last close at or before the
    session the horizon ends at, as in training; nothing is scored before that session has a close of some
    symbol. Where the close it was made at is not known, the price that was forecast from stands for it. The first
    record of a symbol, session and horizon counts; a later one cannot replace it.
    """
    dates = [int(str(day).replace("-", "")) for day in sessions.date]
    newest = max((date for series in closes.values() for date in series), default=0)
    ordered = {symbol: sorted(series) for symbol, series in closes.items()}
    found: dict[tuple[str, int, int], Matured] = {}
    for forecast in forecasts:
        if forecast.role != "champion":  # nobody was told
            continue
        start = bisect.bisect_left(dates, forecast.session_date)
        for horizon, quantiles in zip(forecast.horizons, forecast.quantiles, strict=True):
            end = start + horizon
            key = (forecast.symbol, forecast.session_date, horizon)
            known = ordered.get(forecast.symbol, [])
            at = bisect.bisect_right(known, dates[end]) - 1 if end < len(dates) else -1
            if key in found or end >= len(dates) or dates[end] > newest or at < 0:
                continue
            series = closes[forecast.symbol]
            outcome = math.log(series[known[at]] / series.get(forecast.session_date, forecast.price))
            found[key] = _scored(forecast, horizon, quantiles, outcome)
    return list(found.values())


def _scored(forecast: Forecast, horizon: int, quantiles: Sequence[float], outcome: float) -> Matured:
    q = np.array(quantiles)
    low, high = (float(np.interp(level, forecast.levels, q)) for level in (0.05, 0.95))
    return Matured(
        symbol=forecast.symbol,
        session_date=forecast.session_date,
        horizon=horizon,
        model=forecast.model,
        prob_loss=float(np.interp(0.0, q, forecast.levels, left=0.0, right=1.0)),
        loss=outcome < 0,
        inside90=low <= outcome <= high,
        below05=outcome < low,
        crps=float(crps(q, np.array(outcome))),
    )


def scores(rows: Sequence[Matured]) -> list[Score]:
    """Per asset and horizon, in order."""
    groups: dict[tuple[str, int], list[Matured]] = {}
    for row in rows:
        groups.setdefault((row.symbol, row.horizon), []).append(row)
    return [
        Score(
            symbol=symbol,
            horizon=horizon,
            matured=len(group),
            coverage90=sum(row.inside90 for row in group) / len(group),
            left_tail05=sum(row.below05 for row in group) / len(group),
            crps=sum(row.crps for row in group) / len(group),
            said=_said(group),
        )
        for (symbol, horizon), group in sorted(groups.items())
    ]


def _said(group: Sequence[Matured]) -> list[Said]:
    bins = []
    for low, high in pairwise(EDGES):
        chosen = [row for row in group if low <= row.prob_loss < high or (high == 1.0 == row.prob_loss)]
        if chosen:
            mean = sum(row.prob_loss for row in chosen) / len(chosen)
            bins.append(Said(low, high, mean, sum(row.loss for row in chosen), len(chosen)))
    return bins
