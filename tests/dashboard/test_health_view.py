"""The view "Pipeline" says of every part what is true now, also when the part has died."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dashboard import health_view
from dashboard.events import DriftReport, News
from dashboard.live import Snapshot
from dashboard.record import Pipeline, Record
from tests.dashboard.stubs.forecasts import champion
from tests.dashboard.stubs.market import UNIVERSE, row
from training.events import ModelEvent

T0 = 1_760_000_000_000
MINUTE = 60_000
READY = Snapshot(
    rows={"GC=F": row("GC=F", 4105.2, at_ms=T0)}, taken_ms=T0, store_problem="", champion=champion()
)


def state(part: str, snapshot: Snapshot, now: int = T0) -> tuple[str, str]:
    """State and detail of a part, as the table shows them."""
    shown: Any = health_view.services(snapshot, UNIVERSE, now)
    for line in shown.children[0].children.children[2].children:
        name, word, _, detail = (cell.children for cell in line.children)
        if name == part:
            return str(word.children), str(detail)
    raise AssertionError(part)


def readings(*lags: tuple[int, int]) -> Pipeline:
    """As they come one after the other: behind, acknowledged."""
    held = Pipeline()
    for behind, done in lags:
        held = held.followed_by(Pipeline(behind=behind, dead=0, acknowledged=done))
    return held


def told(*events: ModelEvent) -> News:
    said = News()
    for one in events:
        said = said.with_event(one)
    return said


@pytest.mark.parametrize(
    ("market_open", "age", "word"),
    [(True, 0, "ok"), (True, 5 * MINUTE, "stale"), (False, 5 * MINUTE, "closed"), (False, 0, "ok")],
)
def test_a_feed_is_judged_by_its_newest_price(market_open: bool, age: int, word: str) -> None:
    assert state("Feed", replace(READY, market_open=market_open), T0 + age)[0] == word


@pytest.mark.parametrize(
    ("pipeline", "word"),
    [
        (Pipeline(), "waiting"),
        (readings((5, 100)), "ok"),
        (readings((5, 100), (12, 100), (20, 100)), "error"),
        (readings((5, 100), (12, 101), (20, 104)), "ok"),  # between two commits
        (readings((9_000, 100), (6_000, 3_500), (2_000, 8_000)), "ok"),  # catching up
        (readings((1_000, 100), (2_000, 200), (3_000, 300)), "behind"),
        (readings((5, 100), (12, 100), (20, 100), (3, 120)), "ok"),
    ],
)
def test_a_worker_is_judged_by_what_it_leaves_undone(pipeline: Pipeline, word: str) -> None:
    assert state("Stream worker", replace(READY, record=Record(pipeline=pipeline)))[0] == word


def test_a_monitor_that_misses_sessions_is_behind() -> None:
    news = News().with_report(DriftReport("gold", "scale", 2.0, 5_000.0, False, 20260727, T0))
    for days, word in (([20260728, 20260729], "ok"), ([20260728, 20260729, 20260730], "behind")):
        record = Record(recent={"GC=F": dict.fromkeys([20260724, 20260727, *days], 1.0)})
        assert state("Drift monitor", replace(READY, news=news, record=record))[0] == word
    assert state("Drift monitor", READY)[0] == "waiting"


@pytest.mark.parametrize(
    ("events", "age", "word"),
    [
        ([], 0, "waiting"),
        ([ModelEvent("failed", "", "drift", T0, "out of memory", final=True)], 0, "error"),
        (
            [
                ModelEvent("failed", "", "drift", T0, "out of memory", final=True),
                ModelEvent("promoted", "v2", "drift", T0 + 1, final=True),
            ],
            0,
            "ok",
        ),
        ([ModelEvent("training", "", "drift", T0, progress=0.5)], MINUTE, "ok"),
        ([ModelEvent("training", "", "drift", T0, progress=0.5)], 60 * MINUTE, "stale"),
        ([ModelEvent("promoted", "v2", "drift", T0, final=True)], 10_000 * MINUTE, "ok"),
    ],
)
def test_training_is_judged_by_its_newest_word(events: list[ModelEvent], age: int, word: str) -> None:
    assert state("Training", replace(READY, news=told(*events)), T0 + age)[0] == word


def test_what_cannot_be_read_is_an_error() -> None:
    assert state("Online store", replace(READY, store_problem="refused")) == ("error", "refused")
    assert state("Online store", READY, T0 + MINUTE)[0] == "stale"
    assert state("Model", replace(READY, model_problem="hash differs")) == ("error", "hash differs")
    assert state("Kafka", replace(READY, news=News(status="Waiting for the message broker.")))[0] == "waiting"
    assert state("Kafka", replace(READY, news=News(status="refused")))[0] == "error"
    assert state("Kafka", READY) == ("ok", "answers")
