"""What each stage of the strip says, and what the page waits for."""

from dataclasses import replace

import pytest

from dashboard import stream
from dashboard.freshness import (
    CLOSED,
    ERROR,
    LIVE,
    WAITING,
    features,
    model,
    pulse,
    quiet,
    ticks,
    waiting_for,
)
from dashboard.live import Snapshot
from tests.dashboard.stubs.forecasts import champion
from tests.dashboard.stubs.market import UNIVERSE, row

T0 = 1_760_000_000_000
ROW = row("GC=F", 4105.2, at_ms=T0)
NOTHING = Snapshot()
NO_PRICES = Snapshot(taken_ms=T0, store_problem="")
NO_MODEL = Snapshot(rows={"GC=F": ROW}, taken_ms=T0, store_problem="")
READY = replace(NO_MODEL, champion=champion(created_ms=T0 - 5000))
AWAY = replace(READY, store_problem="the online store does not answer")


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (NOTHING, (WAITING, WAITING, WAITING)),
        (NO_PRICES, (WAITING, WAITING, WAITING)),
        (NO_MODEL, (LIVE, LIVE, WAITING)),
        (READY, (LIVE, LIVE, LIVE)),
        (AWAY, (LIVE, ERROR, LIVE)),
        (replace(READY, model_problem="hash differs"), (LIVE, LIVE, ERROR)),
        (replace(NO_MODEL, model_problem="hash differs"), (LIVE, LIVE, ERROR)),
    ],
)
def test_states(snapshot: Snapshot, expected: tuple[str, str, str]) -> None:
    assert (
        ticks(snapshot, UNIVERSE, T0).state,
        features(snapshot, UNIVERSE, T0).state,
        model(snapshot).state,
    ) == expected


def test_moments_are_those_of_the_data() -> None:
    late = row("^GSPC", 6650.0, at_ms=T0 + 700)
    snapshot = replace(READY, rows={"GC=F": ROW, "^GSPC": late}, taken_ms=T0 + 900)
    assert ticks(snapshot, UNIVERSE, T0).since_ms == T0 + 700
    assert features(snapshot, UNIVERSE, T0).since_ms == T0 + 700
    assert model(snapshot).since_ms == T0 - 5000


def test_details_tell_what_a_person_would_ask_next() -> None:
    assert ticks(READY, UNIVERSE, T0).detail == "simulated feed"
    assert features(READY, UNIVERSE, T0).detail == "1 of 5 assets with full history"
    assert features(AWAY, UNIVERSE, T0).detail == "the online store does not answer"
    assert model(READY).detail == "v1, with LSTM"
    assert model(replace(READY, champion=champion(has_lstm=False))).detail == "v1, not yet with LSTM"
    assert model(replace(READY, model_problem="hash differs")).detail == "hash differs"


@pytest.mark.parametrize(
    ("snapshot", "start"),
    [
        (NOTHING, "Waiting for the feature store."),
        (NO_PRICES, "Waiting for prices."),
        (NO_MODEL, "Waiting for the first model."),
        (READY, ""),
        (AWAY, ""),
    ],
)
def test_waiting_for(snapshot: Snapshot, start: str) -> None:
    sentence = waiting_for(snapshot)
    assert sentence.startswith(start)
    assert bool(sentence) == bool(start)


def test_a_pulse_carries_moments_not_ages() -> None:
    sent = pulse(READY, UNIVERSE, T0 + 1)
    assert sent["now_ms"] == T0 + 1
    assert sent["stages"]["ticks"] == {  # type: ignore[index]
        "state": LIVE,
        "since_ms": T0,
        "stale_after_s": 60.0,
        "detail": "simulated feed",
    }


@pytest.mark.parametrize(
    ("symbol", "market_open", "age_s", "stage", "word"),
    [
        ("GC=F", True, 30, LIVE, ""),
        ("GC=F", True, 300, LIVE, "stale"),
        ("GC=F", False, 30, LIVE, ""),
        ("GC=F", False, 300, CLOSED, "closed"),
        ("BTC-USD", False, 300, LIVE, "stale"),
    ],
)
def test_a_closed_market_is_not_stale(
    symbol: str, market_open: bool, age_s: int, stage: str, word: str
) -> None:
    asset = UNIVERSE.by_symbol(symbol)
    assert asset is not None
    snapshot = replace(READY, rows={symbol: row(symbol, 1.0, at_ms=T0)}, market_open=market_open)
    now = T0 + age_s * 1000
    assert ticks(snapshot, UNIVERSE, now).state == stage
    assert features(snapshot, UNIVERSE, now).state == stage
    assert quiet(asset, snapshot, now) == word


def test_a_pulse_says_only_what_changed() -> None:
    first = stream.beat(READY, UNIVERSE, T0)
    assert stream.changes(first, []) == first
    later = stream.beat(READY, UNIVERSE, T0 + 1000)
    assert stream.changes(later, [first]) == {"now_ms": T0 + 1000, "stages": {}, "sources": {}, "prices": {}}
    moved = replace(READY, rows={"GC=F": row("GC=F", 4200.0, at_ms=T0 + 500)})
    assert stream.changes(stream.beat(moved, UNIVERSE, T0 + 2000), [later, later]) == {
        "now_ms": T0 + 2000,
        "stages": {"ticks": {"since_ms": T0 + 500}, "features": {"since_ms": T0 + 500}},
        "sources": {"prices": {"since_ms": T0 + 500}, "forecast": {"since_ms": T0 + 500}},
        "prices": {"gold": 4200.0},
    }
