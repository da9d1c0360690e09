"""Clean and broken years of four assets: GARCH(1,1) with Student t shocks, correlated.

Returns follow r = mu + sqrt(h) e, h' = omega + alpha (r - mu)^2 + beta h. A break changes the process from one
session to the next and stays: `volatility` multiplies the long-run level (omega by its square, and h at
once), `mean` shifts mu by a fraction of the long-run deviation, `tails` changes the degrees of freedom at
unit variance, `correlation` moves all pairs to another value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

ASSETS = 4


@dataclass(frozen=True)
class Market:
    """Parameters of the process; alpha + beta < 1. deviation : per session and asset, long run."""

    alpha: float
    beta: float
    degrees: float
    correlation: float
    mean: float = 3e-4
    deviation: tuple[float, ...] = (0.010, 0.013, 0.011, 0.030)


@dataclass(frozen=True)
class Break:
    """What changes. Neutral values change nothing."""

    name: str
    volatility: float = 1.0
    mean: float = 0.0  # in long-run deviations per session
    degrees: float | None = None
    correlation: float | None = None


CLEAN = Break("clean")
BREAKS = (
    Break("volatility x0.7", volatility=0.7),
    Break("volatility x1.25", volatility=1.25),
    Break("volatility x1.5", volatility=1.5),
    Break("volatility x2", volatility=2.0),
    Break("mean -0.3 sd", mean=-0.3),
    Break("tails t3", degrees=3.0),
    Break("correlation 0.9", correlation=0.9),
)
MARKETS = {
    # What is left of clustering when levels do not wander for years: half-life 23 sessions.
    "clustering": Market(alpha=0.06, beta=0.91, degrees=6.0, correlation=0.3),
    # As fitted to the S&P 500: half-life 200 sessions, so that no level is ever the normal one.
    "near-integrated": Market(alpha=0.088, beta=0.9085, degrees=6.1, correlation=0.3),
}


def simulate(
    market: Market, change: Break, start: FloatArray | None, sessions: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Session log returns, shape (sessions, ..., ASSETS), and the variances of these sessions and the one after
    them, shape (sessions + 1, ..., ASSETS).

    start : shape (..., ASSETS), variance of the first session; None for the long run's. As many worlds side by side
    as it has rows.
    """
    level = (np.array(market.deviation) * change.volatility) ** 2
    omega = level * (1 - market.alpha - market.beta)
    mean = market.mean + change.mean * np.array(market.deviation)
    degrees = change.degrees or market.degrees
    rho = market.correlation if change.correlation is None else change.correlation
    lower = np.linalg.cholesky((1 - rho) * np.eye(ASSETS) + rho)
    h = level if start is None else start
    out, variance = np.empty((sessions, *h.shape)), np.empty((sessions + 1, *h.shape))
    for session in range(sessions):
        normal = rng.standard_normal(h.shape) @ lower.T
        # One chi-square for all assets: they crash together.
        fat = np.sqrt((degrees - 2) / np.asarray(rng.chisquare(degrees, h.shape[:-1])))[..., None]
        shock = np.sqrt(h) * normal * fat
        out[session], variance[session] = mean + shock, h
        h = omega + market.alpha * shock**2 + market.beta * h
    variance[sessions] = h
    return out, variance
