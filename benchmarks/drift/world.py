"""One simulated world from its seed to its figures; runs in a process of its own."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from benchmarks.drift.market import BREAKS, CLEAN, MARKETS, FloatArray, simulate
from benchmarks.drift.methods import methods
from benchmarks.drift.worlds import FITTED, dataset, follow, forecasts
from training import members
from training.horizons import HORIZONS, crps
from training.member import Member

CLEAN_SESSIONS = 504
BROKEN_SESSIONS = 252
WITHIN = 126  # sessions in which a break is to be found
JUDGED = 63  # sessions after the new model takes over, at whose closes both forecast
HORIZON = 21  # of those forecasts: its outcomes have all come by the end


@dataclass(frozen=True)
class World:
    """alarms : method -> per change (clean first) the sessions of its alarms.
    gained : break -> share of the old model's CRPS that a model fitted at our alarm saved; only where it was found.
    """

    alarms: dict[str, list[list[int]]]
    gained: dict[str, float]


def world(market: str, seed: int, number: int, thorough: bool) -> World:
    """World `number` of a seed. thorough : also fit new models at our alarms and run the slow peers."""
    warnings.filterwarnings("ignore")
    process = MARKETS[market]
    before, variance = simulate(process, CLEAN, None, FITTED, np.random.default_rng((seed, number)))
    fitted = members.fit(dataset(before).panels)
    looked = methods(number, thorough)
    alarms: dict[str, list[list[int]]] = {name: [] for name in looked}
    gained = {}
    for at, change in enumerate((CLEAN, *BREAKS)):
        length = CLEAN_SESSIONS if change is CLEAN else BROKEN_SESSIONS
        rng = np.random.default_rng((seed, number, 1 + at))
        after, _ = simulate(process, change, variance, length, rng)
        years = follow(fitted, before, after)
        for name, method in looked.items():
            alarms[name].append(method(years))
        own = next(iter(alarms.values()))[-1]
        if thorough and change is not CLEAN and own and own[0] < WITHIN:
            gained[change.name] = _gained(fitted, before, after, own[0] + 1)
    return World(alarms, gained)


def _gained(fitted: dict[str, Member], before: FloatArray, after: FloatArray, known: int) -> float:
    """CRPS saved by fitting again when `known` sessions after the break are known."""
    seen = np.concatenate([before, after[:known]])
    again = members.fit(dataset(seen).panels)
    rest = after[known : known + JUDGED + HORIZON]
    total = np.cumsum(np.concatenate([np.zeros((1, rest.shape[1])), rest]), axis=0)
    outcome = total[HORIZON : HORIZON + JUDGED] - total[:JUDGED]
    column = HORIZONS.index(HORIZON)
    loss = [
        crps(forecasts(model, seen, rest)[:JUDGED, :, column], outcome).mean(axis=0)
        for model in (fitted, again)
    ]
    return float(1 - np.mean(loss[1] / loss[0]))
