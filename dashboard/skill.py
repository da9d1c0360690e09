"""Live skill against a random walk and a GARCH process: the same matured forecasts, scored beside what those would
have said.

Both know what the forecast knew. The walk is Gaussian, with mean and deviation of all session returns up to its
session. The GARCH(1,1) is Gaussian, too: its mean, alpha and beta are those that were logged with the forecast, its
long-run variance is the walk's, its variance now is filtered through all returns up to its session. Forecasts of
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
WALK, GARCH = "a random walk", "GARCH"

Fitted = Mapping[tuple[str, int], Sequence[float]]  # symbol and session date -> mean, alpha, beta


@dataclass(frozen=True)
class Skill:
    """Of one asset and horizon. skill : share of the reference's CRPS that was saved; p None with too few forecasts."""

    symbol: str
    horizon: int
    reference: str  # WALK or GARCH
    forecasts: int
    skill: float
    p: float | None  # one-sided: how likely so much would be saved by chance


class _Past:
    """Log returns of one symbol up to each of its sessions."""

    def __init__(self, closes: Mapping[int, float]) -> None:
        self.days = sorted(closes)
        self.logs = np.log(np.array([closes[day] for day in self.days]))
        self._moves = np.concatenate([[0.0], np.cumsum(np.diff(self.logs))])  # sums of the first n returns
        self._squares = np.concatenate([[0.0], np.cumsum(np.diff(self.logs) ** 2)])
        self._filtered: dict[tuple[float, float], FloatArray] = {}

    def mean(self, at: int) -> float:
        """Of the returns before the close number `at`, which is the first one not known."""
        return float(self._moves[at - 1] / (at - 1))

    def variance(self, at: int) -> float:
        """Of the same returns, not below 0."""
        squares = float(self._squares[at - 1])
        return max((squares - (at - 1) * self.mean(at) ** 2) / (at - 2), 0.0)

    def shocks(self, at: int, mean: float, beta: float) -> float:
        """Squared deviations from `mean` before `at`, each with the power of beta of its age; the newest has age 0."""
        if (mean, beta) not in self._filtered:
            sums = [0.0]
            for squared in (np.diff(self.logs) - mean) ** 2:
                sums.append(beta * sums[-1] + float(squared))
            self._filtered[mean, beta] = np.array(sums)
        return float(self._filtered[mean, beta][at - 1])


def skills(
    rows: Sequence[Matured], closes: Mapping[str, Mapping[int, float]], fitted: Fitted, sessions: Sessions
) -> list[Skill]:
    """Per asset, horizon and reference, of those forecasts before which there is a year of closes."""
    days = sessions.yyyymmdd.tolist()
    groups: dict[tuple[str, int], list[Matured]] = {}
    for row in rows:
        groups.setdefault((row.symbol, row.horizon), []).append(row)
    pasts = {symbol: _Past(closes.get(symbol, {})) for symbol in {row.symbol for row in rows}}
    found = []
    for (symbol, horizon), group in sorted(groups.items()):
        past = pasts[symbol]
        losses: dict[str, list[tuple[float, float]]] = {WALK: [], GARCH: []}  # our own, the reference's
        for row in sorted(group, key=lambda one: one.session_date):
            at = bisect.bisect_right(past.days, row.session_date)
            end = bisect.bisect_left(days, row.session_date) + horizon
            if at <= MIN_RETURNS or end >= len(days):
                continue
            outcome = np.array(past.logs[bisect.bisect_right(past.days, days[end]) - 1] - past.logs[at - 1])
            said = {WALK: (past.mean(at) * horizon, past.variance(at) * horizon)}
            process = fitted.get((symbol, row.session_date))
            if process:
                said[GARCH] = garch(past, at, process, horizon)
            for reference, (mean, variance) in said.items():
                quantiles = mean + math.sqrt(variance) * normal_quantiles()
                losses[reference].append((row.crps, float(crps(quantiles, outcome))))
        found += [
            _skill(symbol, horizon, reference, np.array(both)) for reference, both in losses.items() if both
        ]
    return found


def garch(past: _Past, at: int, process: Sequence[float], horizon: int) -> tuple[float, float]:
    """Mean and variance of the return over a horizon. process : mean, alpha, beta with alpha + beta below 1.

    Source: Bollerslev (1986), with the variance targeted as in Engle and Mezrich (1996).
    """
    mean, alpha, beta = process
    persistence = alpha + beta
    long_run = past.variance(at)
    now = long_run * (1 - persistence) / (1 - beta) + alpha * past.shocks(at, mean, beta)
    reverting = (1 - persistence**horizon) / (1 - persistence)
    return mean * horizon, max(long_run * horizon + (now - long_run) * reverting, 0.0)


def _skill(symbol: str, horizon: int, reference: str, losses: FloatArray) -> Skill:
    saved = losses[:, 1] - losses[:, 0]
    share = float(saved.sum() / losses[:, 1].sum())
    return Skill(symbol, horizon, reference, len(losses), share, p_value(saved, horizon))


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
