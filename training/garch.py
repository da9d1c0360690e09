"""Member `garch_fhs`: GARCH(1,1) with Student t errors by `arch`, filtered historical simulation.

The conditional variance is filtered from the returns in the input window, so serving needs no history. The
quantiles depend on that variance alone: they are simulated once, for a grid of variances, with residuals
drawn from those of the fit, and interpolated in units of the expected standard deviation.

Source: Bollerslev (1986); Barone-Adesi, Giannopoulos and Vosper (1999), section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from training.horizons import HORIZONS, LEVELS, LONGEST, FloatArray
from training.inputs import Inputs
from training.member import Member
from training.panel import Panel

MIN_RETURNS = 504
PATHS = 4_000
GRID = 9  # variances between half the lowest and twice the highest of the past
SEED = 11
PERSISTENCE = 0.9995  # a fit at the border of stationarity is moved inside: the long-run variance must exist
PERCENT = 100.0  # arch's optimiser expects returns in percent


@dataclass(frozen=True)
class GarchFhs(Member):
    """Everything per asset; NaN where the fit was refused.

    parameters : shape (assets, 4): mean, omega, alpha, beta of session returns (fractions).
    grid       : shape (assets, GRID), variance of the next session.
    standardised : shape (assets, GRID, H, L), quantiles over the expected standard deviation.
    """

    name: ClassVar[str] = "garch_fhs"
    learns_from_labels: ClassVar[bool] = False
    at_once: ClassVar[bool] = False  # arch imports statsmodels, matplotlib and numba: five seconds of a core

    parameters: FloatArray
    grid: FloatArray
    standardised: FloatArray

    @classmethod
    def fit(cls, panels: Sequence[Panel]) -> Self:
        fits = [_fit_one(panel) for panel in panels]
        return cls(*(np.stack(column) for column in zip(*fits, strict=True)))

    def quantiles(self, asset: int, inputs: Inputs) -> FloatArray:
        parameters = self.parameters[asset]
        variance = filtered(parameters, inputs)
        at = np.interp(np.log(variance), np.log(self.grid[asset]), np.arange(GRID, dtype=float))
        low = np.minimum(np.nan_to_num(at).astype(int), GRID - 2)
        part = (at - low)[:, None, None]
        table = self.standardised[asset]
        deviation = np.sqrt(_expected_variance(parameters, variance))
        result: FloatArray = (table[low] * (1 - part) + table[low + 1] * part) * deviation[..., None]
        return result


def filtered(parameters: FloatArray, inputs: Inputs) -> FloatArray:
    """Conditional variance of the next session, shape (n,)."""
    mean, omega, alpha, beta = parameters
    variance: FloatArray = inputs.realised[:, 3] ** 2
    for position in range(inputs.returns.shape[1]):
        variance = omega + alpha * (inputs.returns[:, position] - mean) ** 2 + beta * variance
    return variance


def _expected_variance(parameters: FloatArray, variance: FloatArray) -> FloatArray:
    """Expected variance of the h-session return given that of the next session, shape (n, H)."""
    _, omega, alpha, beta = parameters
    persistence = alpha + beta
    long_run = omega / (1 - persistence)
    h = np.array(HORIZONS, dtype=float)
    reverting = (1 - persistence**h) / (1 - persistence)
    result: FloatArray = h * long_run + (variance[:, None] - long_run) * reverting
    return result


def _fit_one(panel: Panel) -> tuple[FloatArray, FloatArray, FloatArray]:
    refused = (np.full(4, np.nan), np.full(GRID, np.nan), np.full((GRID, len(HORIZONS), len(LEVELS)), np.nan))
    returns = panel.returns
    if len(returns) < MIN_RETURNS or np.mean(returns == 0) > 0.5:
        return refused  # too short, or a price that hardly ever moves
    from arch import arch_model  # takes seconds to import, and serving never fits

    model = arch_model(PERCENT * returns, mean="Constant", vol="GARCH", p=1, q=1, dist="t", rescale=False)
    result = model.fit(disp="off", show_warning=False)
    mean, omega, alpha, beta, _ = (float(value) for value in result.params)
    if result.convergence_flag != 0 or not (omega > 0 and np.isfinite(result.loglikelihood)):
        return refused
    if alpha + beta > PERSISTENCE:
        alpha, beta = (value * PERSISTENCE / (alpha + beta) for value in (alpha, beta))
    parameters = np.array([mean / PERCENT, omega / PERCENT**2, alpha, beta])
    past = filtered(parameters, panel.inputs)
    grid = np.geomspace(past.min() / 2, past.max() * 2, GRID)
    residuals = np.asarray(result.resid / result.conditional_volatility)
    return parameters, grid, _simulate(parameters, grid, residuals[np.isfinite(residuals)])


def _simulate(parameters: FloatArray, grid: FloatArray, residuals: FloatArray) -> FloatArray:
    """Standardised quantiles for each starting variance; the same draws for all of them."""
    mean, omega, alpha, beta = parameters
    drawn = residuals[np.random.default_rng(SEED).integers(len(residuals), size=(LONGEST, PATHS))]
    variance = np.repeat(grid[:, None], PATHS, axis=1)
    total = np.zeros_like(variance)
    out = np.empty((GRID, len(HORIZONS), len(LEVELS)))
    for step in range(LONGEST):
        shock = np.sqrt(variance) * drawn[step]
        total += mean + shock
        variance = omega + alpha * shock**2 + beta * variance
        if step + 1 in HORIZONS:
            out[:, HORIZONS.index(step + 1)] = np.quantile(total, LEVELS, axis=1).T
    result: FloatArray = out / np.sqrt(_expected_variance(parameters, grid))[..., None]
    return result
