"""The whole walk forward finds volatility where there is some, and nothing where there is nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.forecast.scores import _skills, losses
from tests.stubs import random_walk
from tests.training.worlds import SYMBOLS, frame_of, garch_world
from training import members, track_record, walk_forward
from training.dataset import build
from training.horizons import HORIZONS
from training.panel import Panel
from training.random_walk import RandomWalk
from training.walk_forward import Track


def walked(panels: list[Panel], first: int, last: int) -> Track:
    """The walk forward of everyone but the LSTM between two rows, with the pool."""
    origins = walk_forward.origins_between(int(panels[0].session[first]), int(panels[0].session[last]))
    found = walk_forward.walk(panels, (RandomWalk, *members.POOLED), origins, lambda *_: None)
    track = walk_forward.frame(panels, origins)
    pooled = track_record.pooled(
        replace(track, quantiles={name: q for name, q in found.items() if name != RandomWalk.name})
    )
    return replace(track, quantiles={**found, "pool": track_record.recalibrated(track, pooled)})


def skill(track: Track, horizon: int) -> tuple[float, float]:
    column = HORIZONS.index(horizon)
    loss = {name: losses(track, q)[:, :, column] for name, q in track.quantiles.items()}
    found = _skills(loss, "pool")
    return found["skill_vs_rw"], found["t_vs_rw"]


def test_volatility_is_rediscovered_in_a_garch_world() -> None:
    series = [garch_world(4_000, seed, 2e-6, 0.10, 0.88) for seed in (0, 1)]
    panels = build(frame_of(dict(zip(SYMBOLS, series, strict=True))), SYMBOLS).panels
    value, t = skill(walked(panels, 1_600, -30), 21)
    assert value > 0.01
    assert t > 1.5


def test_no_skill_is_found_in_white_noise() -> None:
    series = [random_walk(4_000, seed) for seed in (0, 1)]
    panels = build(frame_of(dict(zip(SYMBOLS, series, strict=True))), SYMBOLS).panels
    track = walked(panels, 2_000, -30)
    value, _ = skill(track, 21)  # longer horizons have too few independent labels to say so
    assert value == pytest.approx(0.0, abs=0.01)


def test_the_pool_at_an_origin_does_not_know_what_came_later() -> None:
    panels = build(frame_of({"GC=F": random_walk(2_000)}), ["GC=F"]).panels
    track = walked(panels, 800, -130)
    at = len(track.origins) // 2
    later = track.origins[:, None] + np.array(HORIZONS) > track.origins[at]
    changed = np.where(later[:, None, :], track.outcome * 7 + 1, track.outcome)
    members_only = {name: q for name, q in track.quantiles.items() if name not in ("pool", "random_walk")}
    one, other = (replace(track, quantiles=members_only, outcome=y) for y in (track.outcome, changed))
    pools = [track_record.recalibrated(each, track_record.pooled(each)) for each in (one, other)]
    assert np.array_equal(pools[0][at], pools[1][at])
    assert not np.array_equal(pools[0][-1], pools[1][-1])
