"""Two models' logged forecasts of one session, scored against each other. Pure, from `forecasts.log` alone.

Each session's difference in CRPS is divided by the most it could have been, which is known before the outcome:
so it lies in [-1, 1] however alike or unlike the models are, and betting on it gives an e-process. Used twice:
a challenger in its shadow is not promoted when it does worse, and a champion that does worse than the one it
replaced is rolled back.

Source: Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by betting"; Choe and
Ramdas (2023), "Comparing sequential forecasters".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import msgspec
import numpy as np

from producers.sessions import session_number
from stream_processors.matching import pit
from stream_processors.proper_loss import bounded_difference
from training.forecast_log import Forecast
from training.horizons import LEVELS, crps

BETS = np.array([0.1, 0.25, 0.5, 0.9])
EVIDENCE = 20.0  # of a champion being worse, at which it is rolled back: chance of a mistake 1 in 20
WORSE_T = 2.0  # standard errors by which a challenger's mean may lie on the wrong side
WRONG_SPREAD = 2.6  # standard errors: far too wide or too narrow, which a few losses do not show


class Standing(msgspec.Struct, frozen=True):
    """How a new model does beside an old one. Differences are new minus old: above 0 the new one is worse."""

    new: str
    old: str
    sessions: int  # in which both forecast something that has an outcome
    holes: int  # in which only the old one did
    mean: float
    t: float  # mean over its standard error, 0 with fewer than two sessions
    evidence: float  # e-value against "the new one is no worse"
    crps_new: float = 0.0  # mean, of one session, in log return
    crps_old: float = 0.0
    off_new: float = 0.0  # standard errors by which the spread of its PIT misses a uniform one's
    off_old: float = 0.0
    since_ms: int = 0  # forecasts made before count for nothing: the new model did not exist

    @property
    def worse(self) -> bool:
        """Whether a challenger must not be promoted."""
        wrong = self.off_new > WRONG_SPREAD and self.off_new > self.off_old
        return self.sessions == 0 or self.holes > self.sessions or self.t > WORSE_T or wrong

    @property
    def hopeless(self) -> bool:
        """Whether a champion is to be rolled back."""
        return self.evidence >= EVIDENCE

    def words(self) -> str:
        """One sentence."""
        side = "above" if self.mean > 0 else "below"
        wide = (
            f"; its intervals are off by {self.off_new:.1f} standard errors"
            if self.off_new > WRONG_SPREAD
            else ""
        )
        return (
            f"over {self.sessions} sessions its CRPS was {abs(self.mean):.1%} of the possible {side} that of "
            f"{self.old} (t {self.t:+.1f}, evidence of being worse {self.evidence:.2g}){wide}"
        )


@dataclass
class Duel:
    """Give it every logged forecast in order; it uses those of its two models."""

    new: str
    old: str
    since_ms: int = 0
    _made: dict[str, dict[str, Forecast]] = field(default_factory=dict)  # symbol -> model -> its newest
    _open: dict[int, list[float]] = field(default_factory=dict)  # session -> differences per asset
    _done: list[float] = field(default_factory=list)
    _loss: list[tuple[float, float]] = field(default_factory=list)
    _centred: dict[int, list[tuple[float, float]]] = field(
        default_factory=dict
    )  # session -> |2u - 1| of both
    _holes: set[int] = field(default_factory=set)
    _wealth: np.ndarray = field(default_factory=lambda: np.ones(len(BETS)))

    def add(self, forecast: Forecast) -> None:
        """Take a record. The price in the next session's record is this one's outcome."""
        if forecast.made_ms < self.since_ms:
            return
        made = self._made.setdefault(forecast.symbol, {})
        newest = max((one.session_date for one in made.values()), default=0)
        if forecast.session_date < newest:
            return
        if forecast.session_date > newest:
            if made:
                self._score(made, forecast)
            made.clear()
        if forecast.model in (self.new, self.old):
            made.setdefault(forecast.model, forecast)

    def _score(self, made: dict[str, Forecast], after: Forecast) -> None:
        session = after.session_date
        made_at = next(iter(made.values())).session_date
        if session_number(session) != session_number(made_at) + 1:
            return  # nobody forecast the sessions between: this price is the outcome of several
        for earlier in sorted(one for one in self._open if one < session):
            self._close(earlier)
        new, old = made.get(self.new), made.get(self.old)
        if new is None or old is None or new.session_date != old.session_date:
            if old is not None:
                self._holes.add(session)
            return
        q_new, q_old = (np.array(one.quantiles[one.horizons.index(1)]) for one in (new, old))
        outcome = np.array(math.log(after.price / old.price))
        loss = float(crps(q_new, outcome)), float(crps(q_old, outcome))
        self._loss.append(loss)
        levels = (pit(q, LEVELS, float(outcome)) for q in (q_new, q_old))
        new_centred, old_centred = (abs(2 * level - 1) for level in levels)
        self._centred.setdefault(session, []).append((new_centred, old_centred))
        self._open.setdefault(session, []).append(bounded_difference(q_new, q_old, LEVELS, float(outcome)))

    def _close(self, session: int) -> None:
        value = float(np.mean(self._open.pop(session)))
        self._done.append(value)
        self._wealth = self._wealth * (1 + BETS * value)

    def standing(self) -> Standing:
        """Over the sessions that are complete: those before the newest."""
        done = np.array(self._done)
        spread = float(done.std(ddof=1)) if len(done) > 1 else 0.0
        mean = float(done.mean()) if len(done) else 0.0
        off = _off([np.array(one) for one in self._centred.values()])
        loss = np.mean(self._loss, axis=0) if self._loss else np.zeros(2)
        return Standing(
            new=self.new,
            old=self.old,
            sessions=len(done),
            holes=len(self._holes),
            mean=mean,
            t=mean / spread * math.sqrt(len(done)) if spread > 0 else 0.0,
            evidence=float(self._wealth.mean()),
            crps_new=float(loss[0]),
            crps_old=float(loss[1]),
            off_new=float(off[0]),
            off_old=float(off[1]),
            since_ms=self.since_ms,
        )


def _off(sessions: list[np.ndarray]) -> np.ndarray:
    """Standard errors by which the mean of |2u - 1| misses 1/2, shape (2,). sessions : each (assets, 2).

    Assets of one session move together, so the error is that of the sessions' means, and at least what
    independent uniform assets would have (variance 1/12 each): a few sessions may agree by chance.
    """
    if not sessions:
        return np.zeros(2)
    means = np.array([one.mean(axis=0) for one in sessions])
    least = np.mean([1 / (12 * len(one)) for one in sessions])
    seen = means.var(axis=0, ddof=1) if len(means) > 1 else np.zeros(2)
    result: np.ndarray = np.abs(means.mean(axis=0) - 0.5) / np.sqrt(np.maximum(seen, least) / len(means))
    return result
