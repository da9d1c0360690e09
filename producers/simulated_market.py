"""A seeded market: correlated assets with fat tails, volatility clustering and regime switches.

Daily log returns are r = mu + s(regime, t) * L e, with e Student t (4 degrees of freedom, unit variance),
L the Cholesky factor of the correlations, and s a GARCH(1,1)-like clustering factor times the regime's
level. A two-state Markov chain switches between calm and turbulent. What happens while the exchange is closed counts for the next
session: each closed day adds a tenth of a session's variance, and a whole one for what trades always. Every session draws from its own
generator, seeded by (seed, session), so the same seed gives the same past whenever it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from producers.sessions import nyse
from producers.universe import Universe

FloatArray = npt.NDArray[np.float64]

DEGREES = 4.0
STEPS = 26  # intraday prices per session: one per quarter of an hour
REGIME_LEVEL = (0.85, 1.9)  # calm, turbulent
LEAVE = (0.008, 0.04)  # daily chance to leave the regime
CLOSED_DAY = 0.1  # variance of a closed day, in those of an open one
SHOCK_LEVEL = 1.9
SHOCK_DRIFT = -0.7  # daily standard deviations per session: a crash that does not stop at once

# Start price, yearly drift, daily volatility, one common factor's loading. Others get the last row.
KNOWN = {
    "gold": (280.0, 0.05, 0.010, 0.10),
    "nasdaq": (4100.0, 0.08, 0.013, 0.90),
    "sp500": (1450.0, 0.06, 0.010, 0.93),
    "bitcoin": (9.0, 0.35, 0.035, 0.30),
}
OTHER = (100.0, 0.05, 0.015, 0.6)
RATE_START, RATE_MEAN, RATE_STEP = 3.0, 2.5, 0.03  # percent per year


@dataclass(frozen=True)
class Session:
    """Prices of one simulated session: shape (STEPS, assets), the last row is the close."""

    price: FloatArray
    turbulent: bool


class SimulatedMarket:
    """Steps through sessions in order. In a `shock` session the market is turbulent and falls."""

    def __init__(self, universe: Universe, seed: int) -> None:
        self._seed = seed
        self._is_rate = np.array([asset.kind == "rate" for asset in universe.asset])
        rows = np.array([KNOWN.get(asset.id, OTHER) for asset in universe.asset])
        self._price = np.where(self._is_rate, RATE_START, rows[:, 0])
        self._sigma = rows[:, 2]
        self._mu = rows[:, 1] / 252 - 0.5 * rows[:, 2] ** 2
        self._loading = rows[:, 3]
        self._variance = np.ones(len(rows))  # clustering, mean 1
        closed = np.diff(nyse().date, prepend=nyse().date[0] - 1).astype(np.int64) - 1
        self._closed_days = closed[:, None] * np.where(
            [asset.calendar == "always" for asset in universe.asset], 1.0, CLOSED_DAY
        )
        self._closed_mean = 1 + self._closed_days.mean(axis=0)
        self._turbulent = False

    def step(self, session: int, shock: bool = False) -> Session:
        """The next session; `session` is its index in the calendar and seeds its randomness."""
        rng = np.random.default_rng((self._seed, session))
        if rng.random() < LEAVE[int(self._turbulent)]:
            self._turbulent = not self._turbulent
        n = len(self._price)
        fat = np.sqrt((DEGREES - 2) / rng.chisquare(DEGREES))  # one for all assets: they crash together
        common, own = rng.standard_normal((STEPS, 1)), rng.standard_normal((STEPS, n))
        e = (self._loading * common + np.sqrt(1 - self._loading**2) * own) * fat / np.sqrt(STEPS)
        level = SHOCK_LEVEL if shock else REGIME_LEVEL[int(self._turbulent)]
        gap = (1 + self._closed_days[session]) / self._closed_mean
        scale = self._sigma * np.sqrt(self._variance * gap) * level
        mu = self._mu + (SHOCK_DRIFT * scale if shock else 0.0)
        path = np.cumsum(mu / STEPS + scale * e, axis=0)
        surprise = np.minimum((e.sum(axis=0)) ** 2, 9.0)
        self._variance = 0.05 + 0.90 * self._variance + 0.05 * surprise * self._variance
        self._variance = np.clip(self._variance, 0.3, 4.0)
        rate_path = np.cumsum(
            0.002 * (RATE_MEAN - self._price) / STEPS + RATE_STEP * own / np.sqrt(STEPS), axis=0
        )
        price = np.where(self._is_rate, np.maximum(self._price + rate_path, 0.0), self._price * np.exp(path))
        self._price = price[-1]
        return Session(price, self._turbulent)
