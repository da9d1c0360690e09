"""Every member: no look into the future, what it does with odd series, and the same from online features."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.stubs import random_walk
from tests.training.worlds import SYMBOLS, frame_of, garch_world
from training import members, walk_forward
from training.dataset import Dataset, build
from training.garch import GarchFhs
from training.har import Har
from training.horizons import HORIZONS, LEVELS
from training.member import Member
from training.random_walk import RandomWalk

ROOT = Path(__file__).parents[2]
EVERYONE: tuple[type[Member], ...] = (RandomWalk, *members.POOLED)


def world(*series: list[float]) -> Dataset:
    return build(frame_of(dict(zip(SYMBOLS, series, strict=False))), SYMBOLS[: len(series)])


@pytest.mark.parametrize("member", EVERYONE)
def test_the_future_does_not_change_a_forecast(member: type[Member]) -> None:
    prices, at = random_walk(1_400), 1_100
    changed = prices[:at] + [price * (2 + np.sin(i)) for i, price in enumerate(prices[at:])]
    found = []
    for series in (prices, changed):
        panels = world(series, random_walk(1_400, seed=1)).panels
        origin = int(panels[0].session[0]) + at - 252 - 1
        found.append(walk_forward.walk(panels, (member,), np.array([origin]), lambda *_: None)[member.name])
    assert np.isfinite(found[0]).all()
    assert np.array_equal(*found)


@pytest.mark.parametrize("member", EVERYONE)
def test_what_is_stored_forecasts_the_same(member: type[Member]) -> None:
    panels = world(random_walk(1_400)).panels
    fitted = member.fit(panels)
    again = member.restore(fitted.arrays())
    inputs = panels[0].inputs[-5:]
    assert np.array_equal(again.quantiles(0, inputs), fitted.quantiles(0, inputs))
    assert (np.diff(fitted.quantiles(0, inputs), axis=-1) > 0).all()


def test_the_first_model_waits_for_no_slow_import() -> None:
    script = """
import sys
from tests.training.worlds import dataset
from training import fitting
fitted = fitting.fit_first(dataset(700))
assert set(fitted.weights.weight) == {"climatology", "har"}
sys.exit("imported arch" if "arch" in sys.modules else 0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_a_constant_price_is_left_to_the_members_that_can() -> None:
    panels = world(random_walk(1_400), [50.0] * 1_400).panels
    usable = members.usable(members.fit(panels), panels)
    assert usable["garch_fhs"].tolist() == [True, False]
    assert usable["climatology"].tolist() == [True, True]
    average = members.average(list(members.fit(panels).values()), 1, panels[1].inputs[-1:])
    assert np.abs(average).max() < 0.01  # it stays where it is


def test_a_short_series_gets_fewer_members() -> None:
    panels = world(random_walk(1_400), random_walk(1_400, seed=1)).panels
    young = [panels[0], panels[1].between(int(panels[1].session[-300]), int(panels[1].session[-1]))]
    usable = members.usable(members.fit(young), young)
    assert usable["garch_fhs"].tolist() == [True, False]
    assert usable["har"].tolist() == [True, True]


def test_a_tenfold_jump_leaves_every_forecast_finite_or_absent() -> None:
    prices = random_walk(1_400)
    jumped = prices[:1_395] + [price * 10 for price in prices[1_395:]]
    panels = world(jumped, random_walk(1_400, seed=1)).panels
    for name, member in members.fit(panels).items():
        q = member.quantiles(0, panels[0].inputs[-1:])
        assert np.isfinite(q).all() or np.isnan(q).all(), name
        assert np.isfinite(member.quantiles(1, panels[1].inputs[-1:])).all(), name


def test_an_asset_whose_quotes_ended_has_no_forecast_and_harms_no_other() -> None:
    panels = world(random_walk(1_400), random_walk(1_000, seed=1)).panels
    origins = np.array([int(panels[0].session[-200])])
    found = walk_forward.walk(panels, members.POOLED, origins, lambda *_: None)
    for name, q in found.items():
        assert np.isfinite(q[0, 0]).all(), name
        assert np.isnan(q[0, 1]).all(), name


def test_garch_forecasts_what_a_simulation_with_the_true_parameters_gives() -> None:
    omega, alpha, beta = 2e-6, 0.08, 0.90
    panel = world(garch_world(4_000, 0, omega, alpha, beta)).panels[0]
    fitted = GarchFhs.fit([panel])
    _, _, found_alpha, found_beta = fitted.parameters[0]
    assert found_alpha == pytest.approx(alpha, abs=0.03)
    assert found_beta == pytest.approx(beta, abs=0.05)
    rng = np.random.default_rng(1)
    variance = np.full(20_000, omega / (1 - alpha - beta))
    wide, total = 4.0 * variance, np.zeros(20_000)
    for _ in range(63):
        shock = np.sqrt(wide) * rng.standard_normal(20_000)
        total += shock
        wide = omega + alpha * shock**2 + beta * wide
    expected = np.quantile(total, 0.95) - np.quantile(total, 0.05)
    at = int(np.argmin(np.abs(fitted.grid[0] - 4.0 * variance[0])))
    start = fitted.grid[0, at]
    from training.garch import _expected_variance

    table = fitted.standardised[0, at, HORIZONS.index(63)]
    scale = _expected_variance(fitted.parameters[0], np.array([start]))[0, HORIZONS.index(63)] ** 0.5
    found = (table[LEVELS == 0.95] - table[LEVELS == 0.05])[0] * scale
    assert found == pytest.approx(expected, rel=0.25)  # the nearest start of the grid, estimated parameters


def test_har_foresees_more_volatility_after_a_loud_month() -> None:
    panel = world(garch_world(4_000, 3, 2e-6, 0.10, 0.88)).panels[0]
    fitted = Har.fit([panel])
    q = fitted.quantiles(0, panel.inputs)[:, HORIZONS.index(21)]
    width = q[:, LEVELS == 0.95][:, 0] - q[:, LEVELS == 0.05][:, 0]
    realised = np.array([np.abs(panel.returns[at : at + 21]).mean() for at in range(len(width) - 21)])
    assert np.corrcoef(width[:-21], realised)[0, 1] > 0.4
