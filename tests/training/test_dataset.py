from __future__ import annotations

import numpy as np
import pytest

from producers.errors import TryAgain
from stream_processors.matching import pit
from tests.stubs import random_walk
from tests.training.worlds import SYMBOLS, dataset, frame_of
from training import climatology, joint
from training.dataset import build
from training.horizons import HORIZONS, LEVELS, pinball


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
    changed = prices[:at] + [price * 1.5 for price in prices[at:]]
    one, other = (build(frame_of({"GC=F": series}), ["GC=F"]).panels[0] for series in (prices, changed))
    past = one.session < one.session[0] + at - 252
    for name in ("price", "sigma", "window", "statics"):
        assert np.array_equal(getattr(one, name)[past], getattr(other, name)[past]), name
    ended = one.session[:, None] + np.array(HORIZONS) < one.session[0] + at - 252
    assert np.array_equal(one.target[ended], other.target[ended])


def test_climatology_uses_only_targets_that_ended_before_the_cut() -> None:
    prices = random_walk(1_600)
    cut = 1_200
    changed = prices[:cut] + [price * 3 for price in prices[cut:]]
    one, other = (build(frame_of({"GC=F": series}), ["GC=F"]) for series in (prices, changed))
    before = int(one.panels[0].session[0]) + cut - 252 - 1
    assert np.array_equal(climatology.fit(one.panels, before), climatology.fit(other.panels, before))
    assert not np.array_equal(
        climatology.fit(one.panels, before + 50), climatology.fit(other.panels, before + 50)
    )


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
    q = climatology.fit(data.panels, data.last_session)
    assert (np.diff(q, axis=-1) >= 0).all()
    panel = data.panels[0]
    z = panel.target[:, 0] / panel.sigma[:, 0]
    z = z[np.isfinite(z)]
    low, high = q[0, 0, LEVELS == 0.05][0], q[0, 0, LEVELS == 0.95][0]
    assert np.mean((z >= low) & (z <= high)) == pytest.approx(0.9, abs=0.02)


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


def test_joint_scenarios_keep_marginals_and_dependence() -> None:
    rng = np.random.default_rng(0)
    together, apart = ((rng.permutation(2_000) + 0.5) / 2_000 for _ in range(2))
    template = np.stack([together, together, apart], axis=-1)[:, None, :]
    template = np.repeat(template, 6, axis=1).astype(np.float32)
    uniform = joint.uniforms(template, assets=2)
    assert uniform.shape == (joint.SCENARIOS, 6, 3)
    quantiles = np.sort(rng.standard_normal((3, 6, len(LEVELS))), axis=-1)
    drawn = joint.returns(quantiles, uniform)
    for level in (0.05, 0.5, 0.95):
        expected = quantiles[:, :, level == LEVELS][..., 0].T
        assert np.quantile(drawn, level, axis=0) == pytest.approx(expected, abs=0.05)
    assert np.corrcoef(uniform[:, 0, 0], uniform[:, 0, 1])[0, 1] > 0.99
    assert abs(np.corrcoef(uniform[:, 0, 0], uniform[:, 0, 2])[0, 1]) < 0.1
    assert np.array_equal(uniform, joint.uniforms(template, assets=2))  # common random numbers
