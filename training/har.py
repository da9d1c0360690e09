"""Member `har`: heterogeneous autoregression of realised volatility, one regression per horizon.

The log of the mean squared return over the next h sessions is regressed on that over the last 5, 21 and 63
sessions and on the EWMA, all relative to the last 252; assets share the coefficients, which are many times
better determined together. What is left, shape and drift, is climatology in units of this scale.

Source: Corsi (2009), equation 10, in logs; pooled as in Bollerslev, Hood, Huss and Pedersen (2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from training import shape
from training.horizons import HORIZONS, FloatArray
from training.inputs import Inputs
from training.member import Member
from training.panel import Panel
from training.shape import Shape

SHORTEST = 5  # sessions averaged for the target of shorter horizons: the log of one squared return is noise
FLOOR = 1e-10  # variance per session of a price that does not move
RIDGE = 1e-3  # per row: keeps the coefficients finite when the regressors are collinear
MIN_ROWS = 252
LIMIT = 3.0  # bound on the forecast log variance ratio


@dataclass(frozen=True)
class Har(Member):
    """coefficients : shape (H, 5), intercept first.
    drift : shape (assets,).   standardised : shape (assets, H, L), in units of the scale. See Shape.
    """

    name: ClassVar[str] = "har"

    coefficients: FloatArray
    drift: FloatArray
    standardised: FloatArray

    @classmethod
    def fit(cls, panels: Sequence[Panel]) -> Self:
        x = [_regressors(panel.inputs) for panel in panels]
        y = [_future_log_variance(panel) for panel in panels]
        coefficients = np.stack([_regress(x, [one[:, at] for one in y]) for at in range(len(HORIZONS))])
        scales = [_scale(coefficients, panel.inputs) for panel in panels]
        found = shape.fit(panels, scales)
        return cls(coefficients, found.drift, found.standardised)

    def quantiles(self, asset: int, inputs: Inputs) -> FloatArray:
        scale = _scale(self.coefficients, inputs)
        return Shape(self.drift, self.standardised).quantiles(asset, scale)


def _log_ratio(variance: FloatArray, inputs: Inputs) -> FloatArray:
    result: FloatArray = np.log(np.maximum(variance, FLOOR) / _yearly(inputs))
    return result


def _yearly(inputs: Inputs) -> FloatArray:
    result: FloatArray = np.maximum(inputs.realised[:, 3:] ** 2, FLOOR)
    return result


def _regressors(inputs: Inputs) -> FloatArray:
    variances = np.column_stack([inputs.realised[:, :3] ** 2, inputs.ewma**2])
    return np.column_stack([np.ones(len(inputs.ewma)), _log_ratio(variances, inputs)])


def _future_log_variance(panel: Panel) -> FloatArray:
    """Log mean squared return over each horizon relative to the last year's, NaN where it has not ended."""
    squares = np.concatenate([[0.0], np.cumsum(panel.returns**2)])
    n = len(panel.price)
    out = np.full((n, len(HORIZONS)), np.nan)
    for column, horizon in enumerate(HORIZONS):
        span = max(horizon, SHORTEST)
        rows = np.arange(max(0, n - span))
        out[rows, column] = (squares[rows + span] - squares[rows]) / span
    return _log_ratio(out, panel.inputs)


def _regress(x: Sequence[FloatArray], y: Sequence[FloatArray]) -> FloatArray:
    """Ridge regression in which each asset counts by the square root of its rows."""
    width = x[0].shape[1]
    left, right = np.zeros((width, width)), np.zeros(width)
    rows = 0
    for one, target in zip(x, y, strict=True):
        known = np.isfinite(target)
        count = int(known.sum())
        if count:
            left += one[known].T @ one[known] / np.sqrt(count)
            right += one[known].T @ target[known] / np.sqrt(count)
            rows += count
    if rows < MIN_ROWS:
        return np.zeros(width)  # the last year's volatility goes on
    result: FloatArray = np.linalg.solve(left + RIDGE * np.trace(left) / width * np.eye(width), right)
    return result


def _scale(coefficients: FloatArray, inputs: Inputs) -> FloatArray:
    """Forecast standard deviation of the h-session log return, shape (n, H)."""
    log_ratio = np.clip(_regressors(inputs) @ coefficients.T, -LIMIT, LIMIT)
    result: FloatArray = np.sqrt(_yearly(inputs) * np.exp(log_ratio) * np.array(HORIZONS, dtype=float))
    return result
