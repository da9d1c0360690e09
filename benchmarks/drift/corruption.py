"""Challengers gone wrong: which guard stops them, and does any get through?

The champion was trained on all but the last year, which it has seen live. What is corrupted is the training
data of that year, or of all years; or the training itself, or what it left on the disk. The LSTM takes part
untrained, as the mean of the other members: a trial then takes seconds, and past, gate and shadow with their
limits are those of the service.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np

from benchmarks.drift.market import CLEAN, MARKETS, FloatArray, simulate
from benchmarks.drift.shadow import SHADOW_SESSIONS, duel
from benchmarks.drift.worlds import FITTED, dataset, forecasts
from training import gate, members, past
from training.adjusted import Adjusted, Network
from training.fitting import GATE
from training.horizons import HORIZONS, LONGEST
from training.inputs import Inputs
from training.member import Forecaster, Member
from training.members import LSTM
from training.random_walk import RandomWalk
from training.walk_forward import EMBARGO

YEAR = 252
STOPPED = ("past", "gate", "shadow", "promoted")
Corrupt = Callable[[FloatArray, np.random.Generator], FloatArray]


def _split(returns: FloatArray, rng: np.random.Generator) -> FloatArray:
    out = returns.copy()
    out[rng.integers(20, len(out) - 20), rng.integers(out.shape[1])] -= math.log(10)
    return out


def _stale(returns: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Half of the closes repeat the one before; the next makes up for them."""
    level = np.cumsum(returns, axis=0)
    kept = rng.random(len(level)) < 0.5
    kept[[0, -1]] = True
    last = np.maximum.accumulate(np.where(kept, np.arange(len(level)), 0))
    return np.diff(level[last], axis=0, prepend=np.zeros((1, returns.shape[1])))


def _outliers(returns: FloatArray, rng: np.random.Generator) -> FloatArray:
    """One close in fifty is 15 deviations off and comes back."""
    level = np.cumsum(returns, axis=0)
    wrong = rng.random(level.shape) < 0.02
    level = level + wrong * rng.choice([-15.0, 15.0], level.shape) * returns.std(axis=0)
    return np.diff(level, axis=0, prepend=np.zeros((1, returns.shape[1])))


def _stuck(returns: FloatArray, _: np.random.Generator) -> FloatArray:
    out = returns.copy()
    out[-YEAR // 2 :] = 0.0
    return out


CORRUPTIONS: dict[str, Corrupt] = {
    "unadjusted split": _split,
    "moves doubled": lambda returns, _: returns * 2,
    "moves halved": lambda returns, _: returns / 2,
    "stale closes": _stale,
    "outliers": _outliers,
    "assets swapped": lambda returns, _: returns[:, ::-1].copy(),
    "feed stuck": _stuck,
    "moves tenfold": lambda returns, _: returns * 10,
}
NONE = "none"
NETWORKS = {"network not finite": math.nan}  # the log scale it answers; finite ones are bounded by design
SERVED = {"served three times too wide": 3.0, "served three times too narrow": 1 / 3}


def trial(market: str, seed: int, number: int) -> tuple[str, str]:
    """Kind of corruption, and what stopped the challenger (one of STOPPED)."""
    warnings.filterwarnings("ignore")
    rng = np.random.default_rng((seed, number, 99))
    kinds = [NONE, *CORRUPTIONS, *NETWORKS, *SERVED]
    kind, whole = kinds[number % len(kinds)], bool(number // len(kinds) % 2)
    clean, variance = simulate(MARKETS[market], CLEAN, None, FITTED, rng)
    corrupted = clean.copy()
    if kind in CORRUPTIONS:
        rows = slice(None) if whole else slice(-YEAR, None)
        corrupted[rows] = CORRUPTIONS[kind](clean[rows], rng)
    name = f"{kind}, {'everywhere' if whole else 'last year'}" if kind in CORRUPTIONS else kind
    live, _ = simulate(MARKETS[market], CLEAN, variance[-1], SHADOW_SESSIONS + 2, rng)
    return name, _stopped(clean, corrupted, live, NETWORKS.get(kind, 0.0), SERVED.get(kind, 1.0))


class _Pool:
    """The mean of fitted members, as the gate's champion."""

    def __init__(self, fitted: dict[str, Member]) -> None:
        self._members = list(fitted.values())

    def quantiles(self, asset: int, inputs: Inputs) -> FloatArray:
        return members.average(self._members, asset, inputs)


def _stopped(clean: FloatArray, corrupted: FloatArray, live: FloatArray, scale: float, served: float) -> str:
    """Which stage a challenger fitted on `corrupted` ends at.

    live : the sessions of its shadow.   scale : what its network answers.   served : factor of its intervals.
    """
    known = dataset(clean[:-YEAR])
    serving = members.fit(known.panels)
    data = dataset(corrupted)
    seen = {
        panel.symbol: dict(zip(panel.session.tolist()[-YEAR:], panel.price.tolist()[-YEAR:], strict=True))
        for panel in dataset(clean).panels
    }
    if past.changed(past.summary(known.panels), data.panels) or past.contradicted(seen, data.panels):
        return "past"
    cut = data.last_session - LONGEST - GATE
    before = [panel.known_at(cut - EMBARGO) for panel in data.panels]
    fitted = members.fit(before)
    judged: dict[str, Forecaster] = {**fitted, LSTM: Adjusted(list(fitted.values()), _answering(scale))}
    beside: dict[str, Forecaster] = {
        RandomWalk.name: RandomWalk.fit(before),
        gate.CHAMPION: _Pool(serving),
    }
    held_out = [panel.between(cut, data.last_session) for panel in data.panels]
    if not gate.judge(judged, held_out, beside)["accepted"]:
        return "gate"
    new = members.fit(data.panels)
    verdict = duel(forecasts(serving, clean, live), served * forecasts(new, clean, live), live)
    return "shadow" if verdict.worse else "promoted"


def _answering(scale: float) -> Network:
    """A network that says the same whatever it is asked; 0 is what it says before it is trained."""
    return lambda window, statics: np.full((len(window) + 0 * len(statics), len(HORIZONS)), scale)
