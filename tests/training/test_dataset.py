from __future__ import annotations

import numpy as np
import pytest

from producers.errors import TryAgain
from stream_processors.kernel import layout
from stream_processors.matching import pit
from tests.stubs import random_walk
from tests.training.worlds import SYMBOLS, dataset, frame_of
from training import joint, members
from training.dataset import build
from training.horizons import HORIZONS, LEVELS, pinball
from training.inputs import EWMA_DECAY


def test_a_target_is_the_return_to_the_session_h_later() -> None:
    prices = random_walk(700)
    panel = build(frame_of({"GC=F": prices}), ["GC=F"]).panels[0]
    x = np.log(prices)
    first = 252  # the first warm session
    for column, horizon in enumerate(HORIZONS):
        assert panel.target[0, column] == pytest.approx(x[first + horizon] - x[first])
        known = np.isfinite(panel.target[:, column])
        assert known.sum() == len(panel.session) - horizon  # none that has not ended
        assert not known[-1]


def test_the_future_changes_no_feature_and_no_finished_target() -> None:
    prices = random_walk(900)
    at = 700
    changed = prices[:at] + [
        price * 1.02 for price in prices[at:]
    ]  # no jump that the quality gate would hold back
    one, other = (build(frame_of({"GC=F": series}), ["GC=F"]).panels[0] for series in (prices, changed))
    past = one.session < one.session[0] + at - 252
    assert np.array_equal(one.price[past], other.price[past])
    for name, column in vars(one.inputs).items():
        assert np.array_equal(column[past], vars(other.inputs)[name][past]), name
    ended = one.session[:, None] + np.array(HORIZONS) < one.session[0] + at - 252
    assert np.array_equal(one.target[ended], other.target[ended])


def test_what_was_known_at_a_session_has_no_label_that_ended_later() -> None:
    panel = build(frame_of({"GC=F": random_walk(1_600)}), ["GC=F"]).panels[0]
    cut = int(panel.session[900])
    known = panel.known_at(cut)
    assert known.session[-1] == cut
    for column, horizon in enumerate(HORIZONS):
        labelled = known.session[np.isfinite(known.target[:, column])]
        assert labelled[-1] == cut - horizon
        assert np.array_equal(known.target[: len(labelled), column], panel.target[: len(labelled), column])
    held_out = panel.between(cut, cut + 300)
    assert held_out.session[0] == cut
    assert np.isfinite(held_out.target[:, -1]).sum() == 300 - HORIZONS[-1] + 1


def test_returns_come_back_out_of_the_window() -> None:
    panel = build(frame_of({"GC=F": random_walk(700)}), ["GC=F"]).panels[0]
    assert EWMA_DECAY == layout.EWMA_DECAY
    returns = panel.returns
    for age in (0, 1, 63):  # sessions before the newest of the row
        found = panel.inputs.returns[64:, -1 - age]
        assert found == pytest.approx(returns[63 - age : len(returns) - age], abs=1e-12)


def test_too_little_history_says_so() -> None:
    with pytest.raises(TryAgain, match="warm sessions"):
        build(frame_of({"GC=F": random_walk(400)}), ["GC=F"])


def test_an_asset_that_starts_later_is_left_out_until_it_is_warm() -> None:
    frame = frame_of({"GC=F": random_walk(900), "^IXIC": random_walk(300)})
    assert build(frame, SYMBOLS).symbols == ["GC=F"]


def test_the_data_hash_names_the_data() -> None:
    assert dataset(600).data_hash == dataset(600).data_hash
    assert dataset(600).data_hash != dataset(600, seed=9).data_hash


def test_quantiles_increase_and_cover() -> None:
    data = dataset(3_000)
    panel = data.panels[0]
    for name, member in members.fit(data.panels).items():
        q = member.quantiles(0, panel.inputs)
        assert (np.diff(q, axis=-1) >= 0).all(), name
        y, q = panel.target[:-1, 0], q[:-1, 0]
        low, high = q[:, LEVELS == 0.05][:, 0], q[:, LEVELS == 0.95][:, 0]
        assert np.mean((y >= low) & (y <= high)) == pytest.approx(0.9, abs=0.02), name


def test_pinball_prefers_the_true_quantiles() -> None:
    from scipy.stats import norm

    outcome = np.random.default_rng(0).standard_normal(4_000)
    losses = [
        pinball(np.broadcast_to(norm.ppf(LEVELS) * scale, (4_000, len(LEVELS))), outcome).mean()
        for scale in (0.7, 1.0, 1.4)
    ]
    assert losses[1] == min(losses)


def test_pit_of_known_values() -> None:
    quantiles = np.array(LEVELS) * 10
    assert pit(quantiles, LEVELS, 5.0) == pytest.approx(0.5)
    assert pit(quantiles, LEVELS, -99.0) == pytest.approx(0.0025)
    assert pit(quantiles, LEVELS, 99.0) == pytest.approx(0.9975)


def test_dates_beyond_the_newest_inflation_do_not_bend_its_ranks() -> None:
    from producers.inflation import load_cpi

    data = dataset(2_000)
    cpi = load_cpi()
    half = cpi.known_at(np.datetime64("2008-06-01"))
    template = joint.fit_template(data.panels, half, data.last_session)
    inflation = template[..., -1]
    assert inflation.mean(axis=0) == pytest.approx(0.5, abs=0.03)
    assert inflation.max() > 0.99
    assert np.quantile(inflation, 0.9) == pytest.approx(0.9, abs=0.03)


def test_a_young_asset_does_not_make_the_others_forget() -> None:
    from producers.inflation import load_cpi

    old = random_walk(4_000)
    twin = [
        price * float(np.exp(noise))
        for price, noise in zip(old, np.random.default_rng(1).normal(0, 1e-3, 4_000), strict=True)
    ]
    young = random_walk(700, seed=5)
    data = build(frame_of({"GC=F": old, "^IXIC": twin}, 6_000), SYMBOLS)
    late = build(frame_of({"GC=F": young}, 9_300), ["GC=F"]).panels[0]
    template = joint.fit_template([*data.panels, late], load_cpi(), data.last_session)
    assert len(template) > 3_000
    assert np.corrcoef(template[:, -1, 0], template[:, -1, 1])[0, 1] > 0.95
    assert template[..., 2].mean() == pytest.approx(0.5, abs=0.03)
    assert np.quantile(template[:, 0, 2], (0.1, 0.9)) == pytest.approx([0.1, 0.9], abs=0.03)


def test_joint_scenarios_keep_marginals_and_dependence() -> None:
    rng = np.random.default_rng(0)
    together, apart = ((rng.permutation(2_000) + 0.5) / 2_000 for _ in range(2))
    template = np.stack([together, together, apart], axis=-1)[:, None, :]
    template = np.repeat(template, 6, axis=1).astype(np.float32)
    uniform = joint.uniforms(template, columns=3)
    assert uniform.shape == (joint.SCENARIOS, 6, 3)
    quantiles = np.sort(rng.standard_normal((3, 6, len(LEVELS))), axis=-1)
    drawn = joint.returns(quantiles, uniform)
    for level in (0.05, 0.5, 0.95):
        expected = quantiles[:, :, level == LEVELS][..., 0].T
        assert np.quantile(drawn, level, axis=0) == pytest.approx(expected, abs=0.05)
    for scenarios in (500, 2_000, 10_000):  # fewer than dates, as many, more
        evenly = np.sort(joint.uniforms(template, 3, scenarios), axis=0)
        assert evenly == pytest.approx(np.broadcast_to(evenly[:, :1, :1], evenly.shape))
        assert evenly[:, 0, 0] == pytest.approx((np.arange(scenarios) + 0.5) / scenarios)
    assert np.corrcoef(uniform[:, 0, 0], uniform[:, 0, 1])[0, 1] > 0.99
    assert abs(np.corrcoef(uniform[:, 0, 0], uniform[:, 0, 2])[0, 1]) < 0.1
    assert np.array_equal(uniform, joint.uniforms(template, columns=3))  # common random numbers
