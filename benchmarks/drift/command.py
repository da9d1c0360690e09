"""`allocast bench drift`: false alarms in clean years, breaks found, and what retraining gained."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.drift.corruption import NONE, STOPPED, trial
from benchmarks.drift.market import BREAKS, MARKETS
from benchmarks.drift.retrained import JUDGED_HORIZONS
from benchmarks.drift.world import CLEAN_SESSIONS, WITHIN, World, world
from benchmarks.forecast.command import progress

YEAR = 252
CONFIDENCE = 0.95


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the simulation."""
    parser.add_argument(
        "--years", type=int, default=200, help="clean years, two per world [default: %(default)s]"
    )
    parser.add_argument(
        "--thorough",
        type=int,
        default=25,
        help="worlds in which models are fitted again and slow peers run too [default: %(default)s]",
    )
    parser.add_argument(
        "--trials",
        type=int,
        default=110,
        help="challengers, one in twelve of them sound [default: %(default)s]",
    )
    parser.add_argument(
        "--market", choices=sorted(MARKETS), default="clustering", help="[default: %(default)s]"
    )
    parser.add_argument(
        "--seed", type=int, default=7, help="[default: %(default)s; 1 was used to choose constants]"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=60.0,
        help="begin nothing more after so long, and report what there is",
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes [default: all cores]"
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Simulate, in processes."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processes are what runs side by side
    number = max(1, options.years * YEAR // CLEAN_SESSIONS)
    until = time.monotonic() + 60 * options.minutes
    with (
        progress() as tell,
        ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as processes,
    ):
        worlds: list[Future[World]] = []
        trials: list[Future[tuple[str, str]]] = []
        for one in range(max(number, options.trials)):  # in turn, so that there is some of both at any time
            if one < number:
                thorough = one < options.thorough
                worlds.append(processes.submit(world, options.market, options.seed, one, thorough))
            if one < options.trials:
                trials.append(processes.submit(trial, options.market, options.seed, one))
        everything: list[Future[Any]] = [*worlds, *trials]
        for done, _ in enumerate(as_completed(everything)):
            tell((done + 1) / len(everything), f"{done + 1} of {len(everything)} worlds and challengers")
            if time.monotonic() > until:
                for job in everything:
                    job.cancel()
    found = [job.result() for job in worlds if not job.cancelled()]
    stopped = [job.result() for job in trials if not job.cancelled()]
    number = len(found)
    return {
        "market": options.market,
        "worlds": number,
        "clean_years": number * CLEAN_SESSIONS / YEAR,
        **_retrained(found),
        **_corrupted(stopped),
        "methods": [_method(name, found) for name in found[0].alarms],
    }


def _method(name: str, found: Sequence[World]) -> dict[str, Any]:
    """Figures of one method over the worlds in which it ran."""
    from scipy.stats import chi2

    found = [one for one in found if name in one.alarms]
    count = sum(len(one.alarms[name][0]) for one in found)
    years = len(found) * CLEAN_SESSIONS / YEAR
    tail = (1 - CONFIDENCE) / 2
    result: dict[str, Any] = {
        "method": name,
        "worlds": len(found),
        "false_alarms_per_year": count / years,
        "false_alarms_per_year_range": [
            float(chi2.ppf(tail, 2 * count) / 2 / years) if count else 0.0,
            float(chi2.ppf(1 - tail, 2 * count + 2) / 2 / years),
        ],
    }
    for at, change in enumerate(BREAKS):
        first = [one.alarms[name][at + 1][0] + 1 if one.alarms[name][at + 1] else np.inf for one in found]
        hits = sum(delay <= WITHIN for delay in first)
        key = change.name.replace(" ", "_").replace(".", "_")
        median = float(np.median(first))
        result[f"{key}_found"] = hits / len(found)
        result[f"{key}_found_range"] = exact(hits, len(found))
        result[f"{key}_median_sessions"] = median if np.isfinite(median) else None
    return result


def exact(hits: int, of: int) -> list[float]:
    """Confidence interval of a share, after Clopper and Pearson (1934).

    >>> [round(bound, 3) for bound in exact(95, 100)]
    [0.887, 0.984]
    """
    from scipy.stats import beta

    tail = (1 - CONFIDENCE) / 2
    low = float(beta.ppf(tail, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, of - hits)) if hits < of else 1.0
    return [low, high]


def _retrained(found: Sequence[World]) -> dict[str, Any]:
    """What models fitted at our alarms were worth, of those that the shadow promoted."""
    everything = [one for world in found for one in world.retrained.values()]
    kept = [one for one in everything if one.promoted]
    result: dict[str, Any] = {"retrained_at_alarms": len(everything), "retrained_promoted": len(kept)}
    for horizon in JUDGED_HORIZONS if kept else ():
        for name in ("expected", "happened", "ideal"):
            saved = [getattr(one, name)[horizon] for one in kept]
            better = sum(value > 0 for value in saved)
            key = f"retrained_{name}_{horizon}"
            result |= {
                f"{key}_better": better / len(kept),
                f"{key}_better_range": exact(better, len(kept)),
                f"{key}_saved_median": float(np.median(saved)),
            }
    return result


def _corrupted(stopped: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Where challengers were stopped; a sound one is named `none`."""
    bad = [(kind, where) for kind, where in stopped if kind != NONE]
    through = sorted({kind for kind, where in bad if where == "promoted"})
    sound = [where for kind, where in stopped if kind == NONE]
    return {
        "corrupted_challengers": len(bad),
        **{
            f"corrupted_stopped_by_{stage}": sum(where == stage for _, where in bad) for stage in STOPPED[:-1]
        },
        "corrupted_promoted": sum(where == "promoted" for _, where in bad),
        "corrupted_promoted_kinds": ", ".join(through) or "none",
        "sound_challengers": len(sound),
        "sound_promoted": sum(where == "promoted" for where in sound),
    }
