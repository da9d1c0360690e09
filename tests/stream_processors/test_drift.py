"""Detectors, policy, and the pairing of forecasts with outcomes."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processors.drift import COOLDOWN, FAMILY_RUN_LENGTH, Monitor
from stream_processors.e_detector import EDetector
from stream_processors.matching import LoggedForecast, Matcher
from stream_processors.messages import Bar

ASSETS = ["gold", "nasdaq", "sp500", "bitcoin"]


def run_lengths(pit: np.ndarray) -> list[int]:
    """Sessions between requests when every asset gets its column of `pit`, shape (sessions, assets)."""
    monitor = Monitor(ASSETS)
    hits = []
    for session, row in enumerate(pit):
        for asset, u in zip(ASSETS, row, strict=True):
            if any(report.triggers for report in monitor.score(asset, session + 1, float(u), "m", 0)):
                hits.append(session)
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


def test_one_session_above_the_threshold_is_not_enough_and_a_request_has_a_cooldown() -> None:
    hits = run_lengths(np.full((200, 4), 0.999))
    assert len(hits) > 1
    assert min(np.diff(hits)) >= COOLDOWN
    detector = EDetector(FAMILY_RUN_LENGTH * 8)
    needed = next(n for n in range(1000) if detector.update(abs(2 * 0.999 - 1)))
    assert hits[0] == needed + 1


def bar(session_date: int, close: float, history: bool = False) -> Bar:
    return Bar("GC=F", session_date, close, close, close, close, 1, 0, 0, history)


def forecast(session_date: int, price: float = 100.0) -> LoggedForecast:
    levels = [0.25, 0.5, 0.75]
    return LoggedForecast("GC=F", session_date, price, "m", [1, 21], levels, [[-0.01, 0.0, 0.01], [0.0] * 3])


def test_a_forecast_is_scored_with_the_next_bar_in_any_order_of_arrival() -> None:
    events = [bar(1, 100), bar(2, 100 * math.exp(0.005)), forecast(1)]
    for order in permutations(events):
        if order.index(events[0]) > order.index(events[1]):
            continue  # bars of a symbol come in order
        matcher = Matcher()
        scored = [
            one
            for event in order
            for one in (matcher.bar(event) if isinstance(event, Bar) else matcher.forecast(event))
        ]
        assert [(one.session_date, one.pit) for one in scored] == [(2, pytest.approx(0.625))]


def test_repeats_corrections_and_history_are_not_scored() -> None:
    matcher = Matcher()
    list(matcher.bar(bar(1, 100)))
    list(matcher.forecast(forecast(1)))
    assert len(list(matcher.bar(bar(2, 101)))) == 1
    assert not list(matcher.bar(bar(2, 150)))  # a correction
    assert not list(matcher.forecast(forecast(1)))  # delivered again
    list(matcher.forecast(forecast(2)))
    assert not list(matcher.bar(bar(3, 101, history=True)))


@settings(max_examples=30)
@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=200))
def test_a_detector_is_deterministic_and_never_negative(values: list[float]) -> None:
    one, two = EDetector(1e9), EDetector(1e9)
    for value in values:
        one.update(value)
        two.update(value)
        assert one.value == two.value >= 0
