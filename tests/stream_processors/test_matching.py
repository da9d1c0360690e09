"""Forecasts are scored with what came of them, once each, and the logs alone say it again."""

from __future__ import annotations

import math
from itertools import permutations

import msgspec
import numpy as np
import pytest

from stream_processors.drift import Monitor
from stream_processors.matching import LoggedForecast, Matcher
from stream_processors.messages import Bar
from stream_processors.policy import RULES
from stream_processors.replay import replay


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


def test_repeats_and_corrections_are_not_scored() -> None:
    matcher = Matcher()
    list(matcher.bar(bar(1, 100)))
    list(matcher.forecast(forecast(1)))
    assert len(list(matcher.bar(bar(2, 101)))) == 1
    assert not list(matcher.bar(bar(2, 150)))  # a correction
    assert not list(matcher.forecast(forecast(1)))  # delivered again
    assert not list(matcher.bar(bar(1, 90, history=True)))  # an older one


def test_what_was_forecast_live_is_scored_after_the_past_was_published_again() -> None:
    """Compaction has left the bars of the new past alone, of which the prices are halved; forecasts are as they were."""
    matcher = Matcher()
    found = [
        one
        for date, price in ((1, 50.0), (2, 50.5), (3, 50.0))
        for one in matcher.bar(bar(date, price, True))
    ]
    assert found == []
    (first,) = matcher.forecast(forecast(1, 100.0))
    assert first.outcome == pytest.approx(math.log(50.5 / 50.0))
    (second,) = matcher.forecast(forecast(2, 101.0))
    assert (second.session_date, second.outcome) == (3, pytest.approx(math.log(50.0 / 50.5)))


def test_a_move_begins_at_the_close_as_it_was_corrected() -> None:
    matcher = Matcher()
    list(matcher.bar(bar(1, 100.0)))
    list(matcher.forecast(forecast(1, 100.0)))
    for date, price in ((0, 49.0), (1, 50.0)):  # a split: the past is published again
        assert list(matcher.bar(bar(date, price, history=True))) == []
    (scored,) = matcher.bar(bar(2, 50.25))
    assert scored.outcome == pytest.approx(math.log(50.25 / 50.0))


def test_moves_that_no_forecast_can_meet_any_more_are_forgotten() -> None:
    matcher = Matcher()
    for date in range(1, 1_000):
        list(matcher.bar(bar(date, 100.0)))
    assert len(list(matcher.forecast(forecast(990)))) == 1
    assert sum(map(len, matcher._moves.values())) == 8


def test_the_monitor_is_the_same_from_the_logs() -> None:
    rng = np.random.default_rng(3)
    prices = 100 * np.exp(np.cumsum(rng.normal(0, 0.05, 150)))
    bars = [bar(number + 1, float(price)) for number, price in enumerate(prices)]
    made = [forecast(number + 1, float(price)) for number, price in enumerate(prices)]
    matcher, monitor = Matcher(), Monitor(["gold"])
    live, acted = {}, set()
    for one, said in zip(bars, made, strict=True):
        for found in [*matcher.bar(one), *matcher.forecast(said)]:
            for report in monitor.score("gold", found, 0):
                key = report.asset, report.detector, report.session_date
                live[key] = report
                if report.alarm:
                    acted.add(key)
                    monitor.reset()
    assert acted
    assert replay({"GC=F": "gold"}, bars, made, acted) == live
    shadow = msgspec.structs.replace(made[0], role="challenger", model="other")
    assert replay({"GC=F": "gold"}, bars, [shadow, *made], acted) == live
    assert RULES.consecutive > 1


def test_a_past_that_was_adjusted_since_shows_the_monitor_no_jump() -> None:
    rng = np.random.default_rng(3)
    prices = 100 * np.exp(np.cumsum(rng.normal(0, 0.05, 150)))
    adjusted = [bar(number + 1, float(price)) for number, price in enumerate(prices)]
    made = [forecast(number + 1, float(price)) for number, price in enumerate(prices)]
    before = [msgspec.structs.replace(one, close=2 * one.close) for one in adjusted[:100]]
    straight = replay({"GC=F": "gold"}, adjusted, made, ())
    found = replay({"GC=F": "gold"}, [*before, *adjusted], made, ())  # a split, and the whole past again
    assert found.keys() == straight.keys()
    assert [one.value for one in found.values()] == pytest.approx([one.value for one in straight.values()])
