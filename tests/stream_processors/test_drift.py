"""Detectors: what they find, how seldom they are wrong, and what they leave alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processors import feature_drift
from stream_processors.drift import (
    FAMILY_RUN_LENGTH,
    LEVEL,
    LEVEL_SHARE,
    LOSS_SHARE,
    LSTM_LOSS,
    STATISTICS,
    Monitor,
    returns_before,
)
from stream_processors.e_detector import EDetector
from stream_processors.known_detectors import river_detectors
from stream_processors.level import LEVELS, PERSISTENT, LevelDetector
from stream_processors.matching import Scored

ASSETS = ["gold", "nasdaq", "sp500", "bitcoin"]


def scored(date: int, pit: float, **given: Any) -> Scored:
    return Scored(**{"symbol": "s", "session_date": date, "pit": pit, "model": "m", **given})


def run_lengths(pit: np.ndarray) -> list[int]:
    """Sessions of alarms when every asset gets its column of `pit`, shape (sessions, assets)."""
    monitor = Monitor(ASSETS)
    hits = []
    for session, row in enumerate(pit):
        found = [
            report
            for asset, u in zip(ASSETS, row, strict=True)
            for report in monitor.score(asset, scored(session + 1, float(u)), 0)
        ]
        if any(report.alarm for report in found):
            hits.append(session)
            monitor.reset()
    return hits


def test_calibrated_forecasts_raise_fewer_false_alarms_than_the_budget() -> None:
    rng = np.random.default_rng(1)
    sessions = 20_000
    hits = run_lengths(rng.random((sessions, len(ASSETS))))
    assert len(hits) <= sessions / FAMILY_RUN_LENGTH


def test_a_doubled_volatility_and_a_shifted_mean_are_found() -> None:
    from scipy.stats import norm

    rng = np.random.default_rng(2)
    for outcome in (rng.normal(0, 2, (126, 4)), rng.normal(-0.8, 1, (126, 4))):
        hits = run_lengths(norm.cdf(outcome))
        assert hits
        assert hits[0] < 60


def test_the_threshold_is_each_detectors_share_of_the_budget() -> None:
    hits = run_lengths(np.full((60, 4), 0.999))
    detector = EDetector(FAMILY_RUN_LENGTH * len(ASSETS) * len(STATISTICS) / (1 - LOSS_SHARE))
    needed = next(n for n in range(1000) if detector.update(abs(2 * 0.999 - 1)))
    assert hits[0] == needed


ALPHA, BETA = 0.06, 0.91


def garch(n: int, seed: int, factor: float = 1.0, alpha: float = ALPHA, beta: float = BETA) -> np.ndarray:
    """Returns of four assets at 1 % a session, and of `factor` times that for the last third."""
    rng = np.random.default_rng(seed)
    h, out = np.full(4, 1e-4), np.empty((n, 4))
    for session in range(n):
        if session == 2 * n // 3:
            h = h * factor**2
        level = 1e-4 * (factor**2 if session >= 2 * n // 3 else 1)
        shock = np.sqrt(h) * rng.standard_normal(4)
        out[session] = shock
        h = level * (1 - alpha - beta) + alpha * shock**2 + beta * h
    return out


def alarms(returns: np.ndarray, known: int, threshold: float = 775.0, **given: float) -> list[int]:
    parameters = np.tile([0.0, given.get("alpha", ALPHA), given.get("beta", BETA)], (4, 1))
    detector = LevelDetector(threshold, parameters, returns[:known])
    assert detector.active == (parameters[0, 1] + parameters[0, 2] <= PERSISTENT)
    return [at for at, row in enumerate(returns[known:]) if detector.update(row)]


def test_a_new_level_of_volatility_is_found_and_clustering_is_not_taken_for_one() -> None:
    clean = [alarms(garch(2_016, seed), 1_344) for seed in range(8)]
    first = [found[0] if found else 672 for found in clean]
    assert np.mean(np.array(first) < 252) <= 0.5
    for factor in (0.6, 1.6):
        assert alarms(garch(2_016, 3, factor), 1_344)[0] < 126


def test_a_volatility_without_a_level_is_not_monitored() -> None:
    assert alarms(garch(2_016, 1, 2.0, 0.09, 0.905), 1_344, alpha=0.09, beta=0.905) == []


def test_an_asset_without_a_price_or_a_fit_is_left_out() -> None:
    returns = garch(2_016, 3, 1.6)
    parameters = np.tile([0.0, ALPHA, BETA], (4, 1))
    parameters[1] = np.nan
    detector = LevelDetector(775.0, parameters, returns[:1_344])
    assert detector.used.tolist() == [0, 2, 3]
    returns[1_344:, 0] = np.nan
    assert any(detector.update(row) for row in returns[1_344:])
    assert np.isfinite(detector.value)
    assert not LevelDetector(775.0, parameters, returns[:100]).active
    assert len(LEVELS) == len(detector._sum)


def test_the_level_is_judged_once_per_session_and_only_with_a_fitted_process() -> None:
    returns = garch(800, 5)
    prices = np.exp(np.cumsum(returns, axis=0))
    closes = {name: dict(enumerate(prices[:700, at].tolist())) for at, name in enumerate(ASSETS)}
    monitor = Monitor(ASSETS, closes)
    found = []
    for session in range(700, 720):
        for at, name in enumerate(ASSETS):
            if session == 705 and at == 2:
                continue  # no price: judged with the others when the next session begins
            process = (0.0, ALPHA, BETA) if session >= 702 else ()
            model = "m2" if session >= 702 else "m"
            one = scored(session, 0.5, outcome=float(returns[session, at]), garch=process, model=model)
            found += monitor.score(name, one, 0)
    levels = [report for report in found if report.detector == LEVEL]
    assert [report.session_date for report in levels] == list(range(702, 720))
    assert [report.window for report in levels] == list(range(1, 19))
    past = returns_before(closes, ASSETS, 700)
    assert past == pytest.approx(returns[1:700])
    # The assets' detectors share what the level leaves, and everything where no level is judged.
    scale = {one.session_date: one.threshold for one in found if one.detector == "scale"}
    assert scale[701] == pytest.approx(FAMILY_RUN_LENGTH * len(ASSETS) * len(STATISTICS) / (1 - LOSS_SHARE))
    assert scale[719] == pytest.approx(
        FAMILY_RUN_LENGTH * len(ASSETS) * len(STATISTICS) / (1 - LEVEL_SHARE - LOSS_SHARE)
    )
    assert levels[-1].threshold == pytest.approx(FAMILY_RUN_LENGTH / LEVEL_SHARE)


def test_an_asset_too_young_for_the_model_does_not_end_the_watch_over_the_others() -> None:
    returns = garch(800, 5)
    prices = np.exp(np.cumsum(returns, axis=0))
    closes = {name: dict(enumerate(prices[:700, at].tolist())) for at, name in enumerate(ASSETS)}
    closes["young"] = dict.fromkeys(range(690, 700), 100.0)
    monitor = Monitor([*ASSETS, "young"], closes)
    found = []
    for session in range(700, 710):
        for at, name in enumerate(ASSETS):
            one = scored(session, 0.5, outcome=float(returns[session, at]), garch=(0.0, ALPHA, BETA))
            found += monitor.score(name, one, 0)
    assert [one.session_date for one in found if one.detector == LEVEL] == list(range(700, 709))


@settings(max_examples=30)
@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=200))
def test_a_detector_is_deterministic_and_never_negative(values: list[float]) -> None:
    one, two = EDetector(1e9), EDetector(1e9)
    for value in values:
        one.update(value)
        two.update(value)
        assert one.value == two.value >= 0


def test_distributions_are_compared_with_what_clean_windows_reach() -> None:
    rng = np.random.default_rng(6)
    clean = [feature_drift.compare(garch(1_200, seed), seed) for seed in range(12)]
    assert all(len(found) == 4 * 2 * 3 for found in clean)
    assert sum(any(one.alarm for one in found) for found in clean) <= 3  # one in twenty is allowed
    psi = [one for found in clean for one in found if one.name == "move_psi"]
    assert np.mean([one.value > 0.1 for one in psi]) > 0.5  # the threshold that is copied everywhere
    assert np.mean([one.value > one.threshold for one in psi]) < 0.2
    broken = garch(1_200, 3)
    broken[-63:] = 0.01 * rng.standard_t(1.5, (63, 4))
    broken[:, 2] = np.nan
    found = feature_drift.compare(broken, 0)
    assert {one.asset for one in found if one.alarm} == {0, 1, 3}
    assert feature_drift.compare(broken[-300:], 0) == []


def test_known_detectors_stand_beside_ours_and_only_inform() -> None:
    monitor = Monitor(["gold"], look_every=0, known=river_detectors())
    calm = np.random.default_rng(3).uniform(size=300)
    wild = np.where(np.arange(300) % 2, 0.999, 0.001)
    found: dict[str, list[int]] = {"adwin": [], "page_hinkley": []}
    for at, level in enumerate(np.concatenate([calm, wild])):
        for one in monitor.score("gold", scored(at, float(level)), at_ms=0):
            if one.detector in found:
                assert one.informs
                assert one.alarm == (one.value >= one.threshold)
                found[one.detector] += [at] * one.alarm
    assert all(300 < alarms[0] < 400 for alarms in found.values()), found


def test_an_lstm_that_adds_to_the_loss_is_found_and_one_that_saves_is_not() -> None:
    def alarms(added: float | None, sessions: int = 400) -> list[int]:
        monitor = Monitor(ASSETS, look_every=0)
        rng = np.random.default_rng(5)
        found = []
        for session in range(1, sessions):
            for asset in ASSETS:
                loss = None if added is None else float(np.clip(added + 0.3 * rng.standard_normal(), -1, 1))
                one = scored(session, float(rng.uniform()), lstm_loss=loss)
                found += [
                    session for r in monitor.score(asset, one, 0) if r.detector == LSTM_LOSS and r.alarm
                ]
        return found

    assert alarms(0.2)[0] < 200
    assert alarms(-0.2) == []
    assert alarms(0.0) == []
    assert alarms(None) == []
