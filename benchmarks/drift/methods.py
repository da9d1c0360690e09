"""What raises alarms: ours, and what others use with the constants they come with. Each sees one world."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.drift.market import ASSETS
from benchmarks.drift.worlds import Years
from stream_processors.drift import Monitor
from stream_processors.matching import Scored
from stream_processors.policy import RULES

WINDOW = 63  # sessions compared with the past, by the copied thresholds
EVERY = 21  # sessions between two looks at a window
NAMES = [f"a{number}" for number in range(ASSETS)]
Alarms = list[int]


def ours(years: Years) -> Alarms:
    """The monitor, debounced and quiet after an alarm as the policy is."""
    shape = len(years.before)
    prices = np.concatenate([np.zeros((1, ASSETS)), np.cumsum(years.before, axis=0)])
    closes = {name: dict(enumerate(np.exp(prices[:, at]).tolist())) for at, name in enumerate(NAMES)}
    monitor = Monitor(NAMES, closes, look_every=0)
    streak: dict[tuple[str, str], int] = {}
    found: Alarms = []
    for session, levels in enumerate(years.pit):
        act = False
        for at, name in enumerate(NAMES):
            scored = Scored(
                symbol=name,
                session_date=shape + 1 + session,
                pit=float(levels[at]),
                model="m",
                outcome=float(years.returns[session, at]),
                garch=tuple(years.garch[at].tolist()),
            )
            for report in monitor.score(name, scored, 0):
                key = report.asset, report.detector
                streak[key] = streak.get(key, 0) + 1 if report.alarm else 0
                act |= streak[key] >= RULES.consecutive
        if act and (not found or session - found[-1] >= RULES.cooldown):
            found.append(session)
            monitor.reset()
            streak.clear()
    return found


def _streaming(make: Callable[[], Any], statistic: Callable[[float], float], years: Years) -> Alarms:
    """A detector of river per asset on the stream of levels."""
    detectors = [make() for _ in NAMES]

    def alarms() -> Iterator[int]:
        for session, levels in enumerate(years.pit):
            for detector, level in zip(detectors, levels, strict=True):
                detector.update(statistic(float(level)))
            if any(detector.drift_detected for detector in detectors):
                yield session

    return _spaced(alarms())


def _windows(look: Callable[[Any, Any], bool], years: Years) -> Alarms:
    """A comparison of the newest returns of each asset with those the models were fitted on."""
    everything = np.concatenate([years.before, years.returns])
    begin = len(years.before)
    return _spaced(
        session
        for session in range(EVERY - 1, len(years.returns), EVERY)
        if any(
            look(everything[begin + session + 1 - WINDOW : begin + session + 1, at], years.before[:, at])
            for at in range(ASSETS)
        )
    )


def _psi(limit: float, newest: Any, past: Any) -> bool:
    edges = np.quantile(past, np.linspace(0, 1, 11)[1:-1])
    share = np.bincount(np.searchsorted(edges, newest), minlength=10) / len(newest)
    share = np.maximum(share, 1e-4)
    return bool(((share - 0.1) * np.log(share / 0.1)).sum() > limit)


def _ks(limit: float, newest: Any, past: Any) -> bool:
    from scipy.stats import ks_2samp

    return bool(ks_2samp(newest, past, method="asymp").pvalue < limit)


def _spaced(sessions: Iterator[int]) -> Alarms:
    """At most one alarm in the policy's cooldown, for everybody."""
    found: Alarms = []
    for session in sessions:
        if not found or session - found[-1] >= RULES.cooldown:
            found.append(session)
    return found


def methods(seed: int, slow: bool) -> dict[str, Callable[[Years], Alarms]]:
    """Name -> sessions of its alarms in a world. slow : also those that take half a minute per hundred years."""
    from river.drift import ADWIN, KSWIN, PageHinkley

    def centred(level: float) -> float:
        return abs(2 * level - 1)

    found: dict[str, Callable[[Years], Alarms]] = {
        "e-detectors (ours)": ours,
        "ADWIN 0.002": partial(_streaming, ADWIN, centred),
        "Page-Hinkley": partial(_streaming, lambda: PageHinkley(threshold=10.0), centred),
        "PSI > 0.1": partial(_windows, partial(_psi, 0.1)),
        "KS p < 0.05": partial(_windows, partial(_ks, 0.05)),
    }
    if slow:
        found["KSWIN 0.0001"] = partial(_streaming, lambda: KSWIN(alpha=0.0001, seed=seed), float)
    return found
