"""Scores and tests of significance against scoringrules, scipy and examples worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scoringrules
from scipy.stats import norm

from benchmarks.forecast.portfolios import allocations
from benchmarks.forecast.scores import panel, table
from benchmarks.forecast.significance import diebold_mariano
from training.horizons import HORIZONS, LEVELS, SHARES, crps, pinball
from training.walk_forward import Track


def test_the_crps_is_that_of_scoringrules() -> None:
    outcome = np.linspace(-3, 3, 25)
    exact = scoringrules.crps_normal(outcome, 0.1, 1.3)
    found = crps(np.broadcast_to(0.1 + 1.3 * norm.ppf(LEVELS), (25, len(LEVELS))), outcome)
    assert found == pytest.approx(exact, rel=0.02)
    assert SHARES.sum() == pytest.approx(1, abs=0.01)


def test_the_pinball_loss_is_that_of_scoringrules() -> None:
    quantiles = np.sort(np.random.default_rng(0).normal(size=(6, len(LEVELS))), axis=-1)
    outcome = np.linspace(-2, 2, 6)
    expected = scoringrules.quantile_score(outcome[:, None], quantiles, LEVELS).mean(axis=-1)
    assert pinball(quantiles, outcome) == pytest.approx(expected)


def test_a_point_forecast_costs_its_absolute_error() -> None:
    # By hand: with every quantile at 1 and outcome 3, the integral of 2 * 2 * level is 2.
    assert crps(np.ones(len(LEVELS)), np.array(3.0)) == pytest.approx(2.0, abs=0.02)


def test_diebold_mariano_knows_noise_from_a_difference() -> None:
    rng = np.random.default_rng(1)
    rejected = [diebold_mariano(rng.normal(size=150)).p_value < 0.05 for _ in range(400)]
    assert np.mean(rejected) == pytest.approx(0.05, abs=0.03)
    overlapping = np.ones(6) / 6**0.5
    overlapped = [
        diebold_mariano(np.convolve(rng.normal(size=155), overlapping, "valid")).p_value < 0.05
        for _ in range(400)
    ]
    assert np.mean(overlapped) < 0.12  # six-month losses taken monthly; the plain test rejects 40 %
    found = diebold_mariano(0.5 + rng.normal(size=150))
    assert found.t > 3
    assert found.degrees == 10
    assert np.isnan(diebold_mariano(np.ones(50)).t)


def test_diebold_mariano_by_hand() -> None:
    x = np.array([1.0, 0.0, 2.0, 1.0, 3.0, 1.0, 0.0, 2.0])  # n = 8: two ordinates
    spectrum = np.abs(np.fft.fft(x - 1.25)) ** 2 / 8
    expected = 8**0.5 * 1.25 / np.sqrt((spectrum[1] + spectrum[2]) / 2)
    assert diebold_mariano(x).t == pytest.approx(expected)


def test_an_asset_that_starts_later_does_not_move_the_others() -> None:
    loss = np.array([[1.0, np.nan], [1.0, np.nan], [1.0, 3.0]])
    assert panel(loss).tolist() == [1.0, 1.0, 2.0]


def test_the_table_of_a_perfectly_calibrated_forecaster() -> None:
    rng = np.random.default_rng(2)
    origins = np.arange(0, 2_000 * 21, 21)
    shape = (len(origins), 1, len(HORIZONS))
    outcome = rng.normal(size=shape)
    right = np.broadcast_to(norm.ppf(LEVELS), (*shape, len(LEVELS)))
    quantiles = {"random_walk": right * 1.5, "garch_fhs": right * 1.2, "right": right}
    found = table(Track(["gold"], origins, outcome, np.ones(shape), quantiles))
    for horizon in ("63", "126"):
        entry = found["right"][horizon]
        assert entry["coverage90"] == pytest.approx(0.9, abs=0.02)
        assert entry["left_tail05"] == pytest.approx(0.05, abs=0.015)
        assert entry["skill_vs_rw"] > entry["skill_vs_garch_fhs"] > 0
        assert entry["t_vs_rw"] > 3
        assert entry["assets"]["gold"]["skill_vs_rw"] == pytest.approx(entry["skill_vs_rw"])
        assert found["random_walk"][horizon]["coverage90"] > 0.96


def test_fixed_allocations_are_twelve_and_hold_no_more_than_everything() -> None:
    shares = allocations(4)
    assert shares.shape == (12, 4)
    assert (shares >= 0).all()
    assert shares.sum(axis=1).max() <= 1 + 1e-12
