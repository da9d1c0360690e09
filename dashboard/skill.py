"""Live skill against a random walk: the same matured forecasts, scored beside what a Gaussian walk would have said.

The walk knows what the forecast knew: mean and deviation of all session returns up to its session. Forecasts of
neighbouring sessions overlap, so the test's error is Newey and West's with a lag of one horizon.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from producers.sessions import Sessions
from training.horizons import FloatArray, crps
from training.said_and_done import Matured
from training.shape import normal_quantiles

MIN_RETURNS = 252
MIN_INDEPENDENT = 4  # horizons of forecasts: with fewer no test says anything


@dataclass(frozen=True)
class Skill:
    """Of one asset and horizon. skill : share of the walk's CRPS that was saved; p None with too few forecasts."""

    symbol: str
    horizon: int
    forecasts: int
    skill: float
    p: float | None  # one-sided: how likely so much would be saved by chance


def against_random_walk(
    rows: Sequence[Matured], closes: Mapping[str, Mapping[int, float]], sessions: Sessions
) -> list[Skill]:
    """Per asset and horizon, of those forecasts before which there is a year of closes."""
    days = sessions.yyyymmdd.tolist()
    groups: dict[tuple[str, int], list[Matured]] = {}
    for row in rows:
        groups.setdefault((row.symbol, row.horizon), []).append(row)
    found = []
    for (symbol, horizon), group in sorted(groups.items()):
        known = sorted(closes.get(symbol, {}))
        price = np.array([closes[symbol][day] for day in known])
        logs = np.log(price)
        moves = np.concatenate([[0.0], np.cumsum(np.diff(logs))])  # sums of the first n returns
        squares = np.concatenate([[0.0], np.cumsum(np.diff(logs) ** 2)])
        own, walk = [], []
        for row in sorted(group, key=lambda one: one.session_date):
            at = bisect.bisect_right(known, row.session_date)
            end = bisect.bisect_left(days, row.session_date) + horizon
            if at <= MIN_RETURNS or end >= len(days):
                continue
            mean = moves[at - 1] / (at - 1)
            variance = (squares[at - 1] - (at - 1) * mean**2) / (at - 2)
            outcome = logs[bisect.bisect_right(known, days[end]) - 1] - logs[at - 1]
            quantiles = mean * horizon + math.sqrt(max(variance, 0.0) * horizon) * normal_quantiles()
            own.append(row.crps)
            walk.append(float(crps(quantiles, np.array(outcome))))
        if own:
            saved = np.array(walk) - np.array(own)
            found.append(
                Skill(symbol, horizon, len(own), float(saved.sum() / sum(walk)), p_value(saved, horizon))
            )
    return found


def p_value(saved: FloatArray, horizon: int) -> float | None:
    """One-sided p of a mean above 0 with Newey and West's (1987) error, lag `horizon` - 1; None with too few."""
    n = len(saved)
    if n < MIN_INDEPENDENT * horizon or n < 10:
        return None
    centred = saved - saved.mean()
    variance = float(centred @ centred) / n
    for lag in range(1, min(horizon, n)):
        variance += 2 * (1 - lag / horizon) * float(centred[lag:] @ centred[:-lag]) / n
    if variance <= 0:
        return None
    t = float(saved.mean()) / math.sqrt(variance / n)
    return 0.5 * math.erfc(t / math.sqrt(2))
