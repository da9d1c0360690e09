"""Weights are earned on matured labels, slowly; recalibration widens and narrows, slowly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from training import pool, recalibration
from training.horizons import HORIZONS, LEVELS

ORIGINS = np.arange(0, 21 * 120, 21)
NOW = int(ORIGINS[-1]) + 126
YES = np.ones(1, dtype=bool)


def losses(**level: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    noise = rng.uniform(0.9, 1.1, (len(ORIGINS), 1, len(HORIZONS)))
    return {name: value * noise for name, value in level.items()}


def test_the_better_member_gets_more_but_never_more_than_half_of_what_is_earned() -> None:
    found = pool.learn(losses(a=1.0, b=1.3), ORIGINS, NOW, {"a": YES, "b": YES})
    assert found.weight["a"].sum() + found.weight["b"].sum() == pytest.approx(len(HORIZONS))
    assert (found.weight["a"] > 0.6).all()
    assert (found.weight["b"] >= pool.EQUAL / 2).all()
    assert found.skill["a"][0, 0] == pytest.approx(0.15 / 1.15, abs=0.01)


def test_only_matured_labels_count() -> None:
    table = losses(a=1.0, b=1.0)
    for column, horizon in enumerate(HORIZONS):
        late = ORIGINS + horizon > 1_000
        table["b"][late, :, column] = 99.0
    honest = pool.learn(losses(a=1.0, b=1.0), ORIGINS, 1_000, {"a": YES, "b": YES})
    found = pool.learn(table, ORIGINS, 1_000, {"a": YES, "b": YES})
    assert np.array_equal(found.weight["b"], honest.weight["b"])
    for column, horizon in enumerate(HORIZONS):
        assert found.matured[0, column] == np.sum(ORIGINS + horizon <= 1_000)


def test_a_member_that_slept_is_judged_on_the_time_it_was_awake() -> None:
    table = losses(a=1.0, b=1.0, late=1.0)
    table["late"][:-20] = np.nan
    table["a"][:-20] *= 5.0  # hard times, in which `late` slept
    table["b"][:-20] *= 5.0
    everyone = dict.fromkeys(table, YES)
    found = pool.learn(table, ORIGINS, NOW, everyone)
    assert found.weight["late"] == pytest.approx(1 / 3, abs=0.01)


def test_no_label_means_equal_weights_and_an_unable_member_none() -> None:
    able = {"a": np.array([True, True]), "b": np.array([True, False]), "c": np.array([False, False])}
    found = pool.equal(able)
    assert found.weight["a"][:, 0].tolist() == [0.5, 1.0]
    assert found.weight["b"][:, 0].tolist() == [0.5, 0.0]
    assert (found.weight["c"] == 0).all()
    assert (found.matured == 0).all()
    assert np.isnan(found.skill["a"]).all()


def test_the_pool_averages_quantiles_and_leaves_out_who_has_none() -> None:
    q = {
        "a": np.broadcast_to(LEVELS, (2, len(HORIZONS), len(LEVELS))),
        "b": np.full((2, len(HORIZONS), len(LEVELS)), np.nan),
        "c": np.broadcast_to(LEVELS + 2, (2, len(HORIZONS), len(LEVELS))),
    }
    third = np.full(len(HORIZONS), 0.5)
    mean = pool.combine(q, {"a": third, "b": 0 * third, "c": third})
    assert mean == pytest.approx(np.broadcast_to(LEVELS + 1, mean.shape))
    assert np.isnan(pool.combine(q, dict.fromkeys(q, 0 * third))).all()


def test_recalibration_narrows_what_was_too_wide_and_keeps_the_median() -> None:
    rng = np.random.default_rng(3)
    outcome = rng.normal(size=(4_000, 2, len(HORIZONS)))
    wide = norm.ppf(LEVELS) * 1.5
    level = recalibration.transform(
        np.broadcast_to(wide, (*outcome.shape, len(LEVELS))).reshape(-1, len(LEVELS)), outcome.reshape(-1)
    ).reshape(outcome.shape)
    origins = np.arange(0, 4_000 * 21, 21)
    moved = recalibration.learn(level, origins, int(origins[-1]) + 126)
    q = recalibration.apply(np.broadcast_to(wide, (1, len(HORIZONS), len(LEVELS))), moved)[0]
    assert (np.diff(q, axis=-1) > 0).all()
    assert q[:, LEVELS == 0.95][:, 0] == pytest.approx(norm.ppf(0.95), abs=0.06)
    assert q[:, LEVELS == 0.5][:, 0] == pytest.approx(0.0, abs=0.01)


def test_few_labels_move_next_to_nothing_and_none_nothing() -> None:
    level = np.full((12, 1, len(HORIZONS)), 0.5)
    origins = np.arange(0, 12 * 21, 21)
    moved = recalibration.learn(level, origins, 10_000)
    half_year = HORIZONS.index(126)
    assert np.abs(moved[half_year] - LEVELS).max() < 0.02
    assert np.array_equal(recalibration.learn(level, origins, 0), recalibration.identity())
    q = np.sort(np.random.default_rng(0).normal(size=(3, len(HORIZONS), len(LEVELS))), axis=-1)
    assert recalibration.apply(q, recalibration.identity()) == pytest.approx(q)
