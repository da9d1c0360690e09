"""The short rate over each horizon: what a deposit that is renewed every month will earn.

A random walk in the rate itself, not in its logarithm, with the spread of past changes in units of the rate's
own volatility: rates stand still for years and then move for years. Its direction is not forecast, so the
changes are taken with both signs. Rates that are quoted once a month work as well: their volatility is that of
months, and the spread is in units of it.
"""

from __future__ import annotations

import numpy as np

from training.horizons import FAN, HORIZONS, LEVELS, FloatArray
from training.inputs import Inputs
from training.panel import Panel

FAN_COLUMNS = [HORIZONS.index(horizon) for horizon in FAN]


def fit(panel: Panel | None) -> FloatArray:
    """Quantiles of changes in units of the volatility anchor, shape (len(FAN), len(LEVELS)).

    panel : the rate's history; its targets are changes of rate / 100. None, for want of history, gives zeros:
    the rate is then taken to stay as it is.
    """
    if panel is None:
        return np.zeros((len(FAN), len(LEVELS)))
    known = np.isfinite(panel.target[:, -1])
    change = (panel.target / panel.inputs.sigma)[known][:, FAN_COLUMNS]
    result: FloatArray = np.quantile(np.concatenate([change, -change]), LEVELS, axis=0).T
    return result


def quantiles(standardised: FloatArray, now: Inputs) -> FloatArray:
    """Quantiles of the change of rate / 100 from now, shape (len(FAN), len(LEVELS)). now : one moment."""
    result: FloatArray = standardised * now.sigma[0, FAN_COLUMNS, None]
    return result


def levels(rate: float, change: FloatArray) -> FloatArray:
    """The rate at each horizon, percent per year, shape of change; a deposit never costs interest.

    rate : percent per year today.   change : (scenarios, len(FAN)), of rate / 100.
    """
    result: FloatArray = np.maximum(rate + 100 * change, 0.0)
    return result


def growth(rate: float, level: FloatArray, per_year: float) -> FloatArray:
    """Value of one unit of money in a deposit renewed at every horizon of FAN, shape of level.

    Each term earns the rate at its start. level : (scenarios, len(FAN)), percent per year; per_year : sessions.
    """
    start = np.concatenate([np.full((len(level), 1), max(rate, 0.0)), level[:, :-1]], axis=1)
    term: FloatArray = np.diff(np.array((0, *FAN), dtype=float))
    return np.cumprod(1 + start / 100 * term / per_year, axis=1, dtype=np.float64)
