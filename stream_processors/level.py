"""Has the long-run volatility moved? A bet against the GARCH process that the model itself was fitted with. Pure.

Forecasts of one session adapt to a new level within weeks, so their PIT forgets a break that the 3 and 6
month forecasts, which revert to the old level, go on suffering from. Here each session's returns of all
assets are weighed under the fitted process and under the same process with another long-run level; the
likelihood ratio is an e-value given the past, so the Shiryaev-Roberts sum of it has an average run length of
at least its threshold if the process is right. Assets whose volatility has no level worth the name
(persistence above PERSISTENT) are left out.

Source: Shiryaev (1963) and Roberts (1966) for the sum; Shin, Ramdas and Rinaldo (2023) for its guarantee.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

LEVELS = (0.7, 1.5)  # of volatility, relative to the past
WEIGHTS = (0.25, 0.75)  # of the evidence: more risk than was said does harm, less only makes too careful
PERSISTENT = 0.985  # half-life of 46 sessions: a decade then holds too few levels to know the usual one
MIN_PAST = 504
LONGEST_PAST = 2520
DEGREES = (3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 30.0)
SHRINK = 0.02  # of the correlation towards none, which keeps it invertible
OVERFLOW = 1e12


class LevelDetector:
    """`update(returns)` after each session; `value` is compared with the threshold.

    parameters : shape (assets, 3): mean, alpha, beta per session; NaN for an asset without a fit.
    past : shape (n, assets), session log returns the model was fitted on, oldest first.
    """

    def __init__(self, threshold: float, parameters: FloatArray, past: FloatArray) -> None:
        self.threshold = threshold
        past = past[-LONGEST_PAST:]
        with np.errstate(invalid="ignore"):
            steady = parameters[:, 1] + parameters[:, 2] <= PERSISTENT
        self.used = np.flatnonzero(steady & np.isfinite(past).all(axis=0) & (past.std(axis=0) > 0))
        self.active = bool(len(self.used)) and len(past) >= MIN_PAST
        self._sum: FloatArray = np.zeros(len(LEVELS))
        if not self.active:
            return
        self._mean, self._alpha, self._beta = parameters[self.used].T
        centred = past[:, self.used] - self._mean
        level = (centred**2).mean(axis=0)
        scales = np.array([1.0, *LEVELS])[:, None]
        # The fitted omega is the least certain parameter: the past's own variance takes its place.
        self._omega = level * (1 - self._alpha - self._beta) * scales**2
        self._h = level * scales**2
        residuals = np.empty_like(centred)
        for session, shock in enumerate(centred):
            residuals[session] = shock / np.sqrt(self._h[0])
            self._h = self._filtered(shock)
        count = len(self.used)
        correlation = np.atleast_2d(np.corrcoef(residuals.T)) * (1 - SHRINK) + SHRINK * np.eye(count)
        self._correlation = correlation
        squares = np.einsum("ti,ij,tj->t", residuals, np.linalg.inv(correlation), residuals)
        self._degrees = max(DEGREES, key=lambda nu: _log_likelihood(squares, count, nu))

    @property
    def value(self) -> float:
        """The e-detector: a mixture over the levels."""
        return float(self._sum @ np.array(WEIGHTS))

    def update(self, returns: Sequence[float] | FloatArray) -> bool:
        """One session of all assets, NaN for one without a price; whether the detector is at its threshold."""
        if not self.active:
            return False
        shock = np.asarray(returns, dtype=float)[self.used] - self._mean
        known = np.isfinite(shock)
        if known.any():
            z = shock[known] / np.sqrt(self._h[:, known])
            inverse = np.linalg.inv(self._correlation[np.ix_(known, known)])
            squares = np.einsum("ci,ij,cj->c", z, inverse, z)
            nu, count = self._degrees, int(known.sum())
            log = -np.log(self._h[:, known]).sum(axis=1) / 2
            log -= (nu + count) / 2 * np.log1p(squares / (nu - 2))
            ratio = np.exp(log[1:] - log[0])
            self._sum = np.minimum((self._sum + 1) * ratio, OVERFLOW)
        self._h = self._filtered(shock)
        return self.value >= self.threshold

    def reset(self) -> None:
        """Start over after an alarm was acted upon."""
        self._sum = np.zeros(len(LEVELS))

    def _filtered(self, shock: FloatArray) -> FloatArray:
        square = np.where(np.isfinite(shock), shock**2, self._h)
        result: FloatArray = self._omega + self._alpha * square + self._beta * self._h
        return result


def _log_likelihood(squares: FloatArray, count: int, nu: float) -> float:
    """Of a multivariate t at unit variance, given squared Mahalanobis distances; without what does not depend on nu."""
    from math import lgamma, log

    constant = lgamma((nu + count) / 2) - lgamma(nu / 2) - count / 2 * log(nu - 2)
    return float(len(squares) * constant - (nu + count) / 2 * np.log1p(squares / (nu - 2)).sum())
