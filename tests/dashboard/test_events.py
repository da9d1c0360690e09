"""Reading models.events and drift.reports."""

import logging

import msgspec
import pytest
from kafka.errors import KafkaTimeoutError

from dashboard import follower
from dashboard.events import KEPT_EVENTS, News, NewsReader, absorb
from producers.topics import DRIFT, MODEL_EVENTS
from stream_processors import drift as monitor
from tests.services import until
from training.events import ModelEvent


def event(at_ms: int, **given: object) -> bytes:
    return msgspec.json.encode(
        {"kind": "promoted", "version": "v1", "reason": "drift", "at_ms": at_ms, **given}
    )


def drift(at_ms: int, **given: object) -> bytes:
    base = {"asset": "gold", "detector": "CUSUM", "value": 1.0, "threshold": 2.0, "alarm": False}
    return msgspec.json.encode({**base, "session_date": 20260730, "at_ms": at_ms, **given})


def test_events_are_kept_in_order_and_once() -> None:
    news = News()
    for at_ms in (3, 1, 2, 3):
        news = absorb(news, MODEL_EVENTS, event(at_ms))
    assert [one.at_ms for one in news.events] == [1, 2, 3]
    for at_ms in range(10, 10 + KEPT_EVENTS):
        news = absorb(news, MODEL_EVENTS, event(at_ms))
    assert len(news.events) == KEPT_EVENTS
    assert news.events[-1].at_ms == 9 + KEPT_EVENTS


def test_the_newest_report_per_asset_and_detector_wins() -> None:
    news = News()
    for raw in (drift(5, value=1.5), drift(4, value=9.0), drift(6, detector="KS")):
        news = absorb(news, DRIFT, raw)
    assert {key: one.value for key, one in news.drift.items()} == {
        ("gold", "CUSUM"): 1.5,
        ("gold", "KS"): 1.0,
    }


@pytest.mark.parametrize(
    "raw", [None, b"", b"{", b"\xff", b"[]", b'{"kind": 5, "at_ms": 1}', b'{"kind": "x"}']
)
@pytest.mark.parametrize("topic", [MODEL_EVENTS, DRIFT])
def test_a_bad_record_is_skipped_and_logged(
    topic: str, raw: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    before = News(status="ok")
    with caplog.at_level(logging.WARNING):
        assert absorb(before, topic, raw) is before
    assert topic in caplog.text


def test_unknown_fields_are_welcome() -> None:
    news = absorb(News(), MODEL_EVENTS, event(1, detail="skill 0.02", since_next_version=True))
    assert news.events == (ModelEvent("promoted", "v1", "drift", 1, "skill 0.02"),)


def test_the_monitors_own_reports_are_understood() -> None:
    sent = monitor.DriftReport("gold", "scale", 12.5, 5040.0, False, False, 20260730, 0.4, "v1", 7)
    (read,) = absorb(News(), DRIFT, msgspec.json.encode(sent)).drift.values()
    assert all(getattr(read, name) == getattr(sent, name) for name in read.__struct_fields__)


class BrokerAway:
    """Stands for KafkaConsumer: refuses a few times, then has no topics."""

    refusals = 2

    def __init__(self, **config: object) -> None:
        assert config["group_id"] is None
        if type(self).refusals:
            type(self).refusals -= 1
            raise KafkaTimeoutError("unable to bootstrap")

    def partitions_for_topic(self, topic: str) -> None:
        del topic

    def close(self) -> None:
        pass


def test_a_missing_broker_is_said_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    BrokerAway.refusals = 2
    monkeypatch.setattr("kafka.KafkaConsumer", BrokerAway)
    monkeypatch.setattr(follower, "FIRST_WAIT_S", 0.01)
    reader = NewsReader({})
    reader.start()
    until(lambda: "does not exist yet" in reader.news().status, "the reader tries again")
    reader.stop()
    assert BrokerAway.refusals == 0
    said = [one.message for one in caplog.records if one.name == "dashboard.follower"]
    assert said == [  # each once
        "news: KafkaTimeoutError: unable to bootstrap. Trying again.",
        "news: topic models.events does not exist yet. Trying again.",
    ]


def test_a_training_does_not_push_the_history_out() -> None:
    news = absorb(News(), MODEL_EVENTS, event(1))
    for at_ms in range(2, 2 + 3 * KEPT_EVENTS):
        told = ModelEvent("training", "", "drift", at_ms, idempotency_key="k", progress=at_ms / 1000)
        news = absorb(news, MODEL_EVENTS, msgspec.json.encode(told))
    assert [one.kind for one in news.events] == ["promoted"]
    assert list(news.progress) == ["k"]
    assert news.latest == news.progress["k"]
    assert news.latest.at_ms == 1 + 3 * KEPT_EVENTS
    news = absorb(news, MODEL_EVENTS, event(news.latest.at_ms))
    assert news.latest == news.events[-1]  # of the same moment
