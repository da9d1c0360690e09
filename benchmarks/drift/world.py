"""One simulated world from its seed to its figures; runs in a process of its own."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from benchmarks.drift.market import BREAKS, CLEAN, MARKETS, simulate
from benchmarks.drift.methods import methods
from benchmarks.drift.retrained import Retrained, retrained
from benchmarks.drift.worlds import FITTED, dataset, follow
from training import members

CLEAN_SESSIONS = 504
BROKEN_SESSIONS = 252
WITHIN = 126  # sessions in which a break is to be found


@dataclass(frozen=True)
class World:
    """alarms : method -> per change (clean first) the sessions of its alarms.
    retrained : break -> what a model fitted at our alarm was worth; only where the break was found.
    """

    alarms: dict[str, list[list[int]]]
    retrained: dict[str, Retrained]


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
        start = variance[-1] * change.volatility**2
        after, variances = simulate(process, change, start, length, rng)
        years = follow(fitted, before, after)
        for name, method in looked.items():
            alarms[name].append(method(years))
        own = next(iter(alarms.values()))[-1]
        if thorough and change is not CLEAN and own and own[0] < WITHIN:
            known = own[0] + 1
            gained[change.name] = retrained(process, change, fitted, before, after, variances, known, rng)
    return World(alarms, gained)
