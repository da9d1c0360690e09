"""Allocations side by side on the same scenarios. Pure NumPy over training.profit's outcomes.

On the same scenarios the difference of two allocations is far more certain than either of them: what both hold
cancels out in every scenario.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from training.answer import Suggestion
from training.horizons import FAN, FloatArray
from training.portfolio import expected_shortfall, value_at_risk, worst_drawdown
from training.profit import Outcome

LABELS = ("A", "B", "C", "D")
NEARLY = 0.02  # of the own risk: a smaller gain is not worth a change


@dataclass(frozen=True)
class Figures:
    """One allocation. Money in the unit of the amount; probabilities are fractions."""

    mean: float
    median: float
    p05: float
    p25: float
    p75: float
    p95: float
    prob_loss: float
    prob_beat_deposit: float | None
    var95: float
    cvar95: float
    drawdown: float  # median of the deepest fall on the way, before inflation


@dataclass(frozen=True)
class Difference:
    """An allocation's profit minus one's own, scenario by scenario.

    mean_error : standard error of `mean`, from the number of scenarios alone; the model's own error is not in it.
    """

    mean: float
    mean_error: float
    median: float
    p05: float
    p95: float
    prob_better: float


@dataclass(frozen=True)
class Suggested:
    """The mix with the same expected profit and less risk. Money in the unit of the amount."""

    weights: dict[str, float]
    real_mean: float
    cvar95: float
    saves: float  # of the own CVaR 95


def profit(outcome: Outcome, horizon_sessions: int, *, real: bool) -> FloatArray:
    """Profit in money in every scenario at the horizon, shape (scenarios,)."""
    gains = outcome.real if real else outcome.nominal
    result: FloatArray = gains[:, FAN.index(horizon_sessions)].sum(axis=-1)
    return result


def figures(outcome: Outcome, horizon_sessions: int, *, real: bool) -> Figures:
    """Sum up one allocation."""
    at = FAN.index(horizon_sessions)
    total = profit(outcome, horizon_sessions, real=real)
    p05, p25, median, p75, p95 = (float(one) for one in np.quantile(total, (0.05, 0.25, 0.5, 0.75, 0.95)))
    cvar, _ = expected_shortfall(total, total[:, None])
    falls = worst_drawdown(1 + outcome.nominal[:, : at + 1].sum(axis=-1) / outcome.request.amount)
    return Figures(
        mean=float(total.mean()),
        median=median,
        p05=p05,
        p25=p25,
        p75=p75,
        p95=p95,
        prob_loss=float(np.mean(total < 0)),
        prob_beat_deposit=outcome.prob_beat_deposit(at),
        var95=value_at_risk(total),
        cvar95=cvar,
        drawdown=float(np.median(falls)),
    )


def difference(other: FloatArray, own: FloatArray) -> Difference:
    """other, own : profits of the same scenarios, shape (scenarios,)."""
    apart = other - own
    p05, median, p95 = (float(one) for one in np.quantile(apart, (0.05, 0.5, 0.95)))
    return Difference(
        mean=float(apart.mean()),
        mean_error=float(apart.std(ddof=1) / math.sqrt(len(apart))),
        median=median,
        p05=p05,
        p95=p95,
        prob_better=float(np.mean(apart > 0)),
    )


def less_risk(suggestion: Suggestion) -> Suggested | None:
    """The frontier's mix whose expected profit is one's own; None when one's own risk is (nearly) the least.

    Between two neighbours on the frontier the mix of both has the mix of their expected profits, and at most the
    mix of their risks, because CVaR is convex.
    """
    own, points = suggestion.own, sorted(suggestion.frontier, key=lambda one: one.real_mean)
    if len(points) < 2:
        return None
    wanted = max(own.real_mean, points[0].real_mean)  # the least risk of all may even have more profit
    for low, high in pairwise(points):
        if low.real_mean <= wanted <= high.real_mean:
            span = high.real_mean - low.real_mean
            part = (wanted - low.real_mean) / span if span > 0 else 0.0
            cvar = (1 - part) * low.cvar95 + part * high.cvar95
            if own.cvar95 - cvar <= NEARLY * abs(own.cvar95):
                return None
            mixed = {
                name: (1 - part) * low.weights.get(name, 0.0) + part * high.weights.get(name, 0.0)
                for name in own.weights
            }
            return Suggested(mixed, wanted, cvar, own.cvar95 - cvar)
    return None
