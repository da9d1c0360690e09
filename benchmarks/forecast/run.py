"""`allocast bench forecast`: the evaluation that FORECASTING describes, on any folder of CSV files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.forecast import lstm_walk, old_recipe, portfolios, scores
from benchmarks.forecast.cache import Cache
from benchmarks.forecast.data import load
from producers.errors import FixAndRestart
from producers.sessions import nyse
from producers.universe import Universe, load_universe
from training import members, track_record, walk_forward
from training.dataset import Dataset
from training.horizons import FloatArray
from training.lstm import Effort
from training.members import LSTM
from training.random_walk import RandomWalk
from training.walk_forward import EMBARGO, Progress, Track

# The members, the pool and the LSTM were chosen on what ended before. The joint part was mended after a first look
# at the test (independence of young assets, distorted marginals), and checked on what ended before.
TEST_FROM = date(2008, 1, 1)
LEARNING_YEARS = 8  # before the first test origin: the pool's weights and recalibration start with these
IDEAS_TRIED = {
    "pool": 27,
    "lstm": 17,
}  # a record kept by hand: settings compared on the data before TEST_FROM


def silent(done: float, text: str) -> None:
    """Progress that nobody follows."""


def run(
    data: Path,
    test_from: date = TEST_FROM,
    effort: Effort | None = None,
    with_lstm: bool = True,
    with_old_recipe: bool = False,
    cache: Path | None = None,
    universe: Universe | None = None,
    progress: Progress | None = None,
) -> tuple[dict[str, Any], Track]:
    """The whole evaluation, and the forecasts it judged. Raises FixAndRestart when the data end before the first forecast has matured."""
    universe = universe or load_universe()
    tell = progress or silent
    effort = effort or Effort()
    dataset = load(data, universe)
    track, seconds = forecasts(dataset, test_from, effort, with_lstm, Cache(cache), tell)
    named = {asset.symbol: asset.id for asset in universe.asset}
    result: dict[str, Any] = {
        "data_hash": dataset.data_hash,
        "test_from": str(nyse().date[track.origins[0]]),
        "test_to": str(nyse().date[track.origins[-1]]),
        "origins": len(track.origins),
        "embargo": EMBARGO,
        "ideas_tried": IDEAS_TRIED,
        "seconds": seconds,
    }
    test = replace(track, symbols=[named[symbol] for symbol in track.symbols])
    single = [name for name in lstm_walk.seeds(effort) if name in test.quantiles]
    spread = scores.spread(test, single)
    test = replace(test, quantiles={name: q for name, q in test.quantiles.items() if name not in single})
    result |= scores.table(test)
    if with_lstm:
        result["lstm_contribution"] = scores.contribution(test, "pool", "pool_without_lstm")
        result["lstm_seeds_skill_vs_rw"] = spread
    result["joint"] = portfolios.evaluate(dataset, test)
    if with_old_recipe:
        result["old_recipe"] = old_recipe.evaluate(dataset, test, tell)
    return result, test


def forecasts(
    dataset: Dataset, test_from: date, effort: Effort, with_lstm: bool, cache: Cache, tell: Progress
) -> tuple[Track, dict[str, float]]:
    """Every forecaster at every test origin, and the seconds it took."""
    first = int(np.searchsorted(nyse().date, np.datetime64(test_from)))
    last = dataset.last_session - walk_forward.STEP  # the newest origin with a label at some horizon
    if first > last:
        newest = nyse().date[dataset.last_session]
        raise FixAndRestart(f"--test-from {test_from}: the data end on {newest}; choose an earlier day")
    steps = 252 * LEARNING_YEARS // walk_forward.STEP
    oldest = min(int(panel.session[0]) for panel in dataset.panels) + walk_forward.MIN_ROWS
    before = min(steps, max(0, (first - oldest) // walk_forward.STEP))
    origins = walk_forward.origins_between(first - before * walk_forward.STEP, last)
    track = walk_forward.frame(dataset.panels, origins)
    seconds: dict[str, float] = {}
    with _timed(seconds, "members"):
        found = cache.arrays(
            f"members|{dataset.data_hash}",
            origins,
            lambda: walk_forward.walk(dataset.panels, (RandomWalk, *members.POOLED), origins, tell),
        )
    baseline = found.pop(RandomWalk.name)
    without = replace(track, quantiles=found)
    out = {RandomWalk.name: baseline, **found}
    with _timed(seconds, "pool_without_lstm"):
        out["pool_without_lstm"] = track_record.recalibrated(track, track_record.pooled(without))
    if with_lstm:
        tested = origins >= first
        with _timed(seconds, "lstm"):
            moved = cache.arrays(
                f"lstm|{dataset.data_hash}|{effort}",
                origins[tested],
                lambda: _lstm(dataset, without, tested, effort, tell),
            )
        for name, quantiles in moved.items():
            out[name] = np.full(baseline.shape, np.nan)
            out[name][tested] = quantiles
        everyone = replace(track, quantiles={**found, LSTM: out[LSTM]})
        with _timed(seconds, "pool"):
            out["pool"] = track_record.recalibrated(track, track_record.pooled(everyone))
    else:
        out["pool"] = out["pool_without_lstm"]
    keep = origins >= first
    return (
        Track(
            track.symbols,
            origins[keep],
            track.outcome[keep],
            track.scale[keep],
            {name: q[keep] for name, q in out.items()},
        ),
        seconds,
    )


def _lstm(
    dataset: Dataset, others: Track, tested: np.ndarray[Any, Any], effort: Effort, tell: Progress
) -> dict[str, FloatArray]:
    table = np.stack([q[tested] for q in others.quantiles.values()])
    awake = np.isfinite(table)
    number = awake.sum(axis=0)
    total = np.where(awake, table, 0.0).sum(axis=0)
    anchor = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    return lstm_walk.walk(dataset.panels, anchor, others.origins[tested], effort, tell)


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - started, 1)
