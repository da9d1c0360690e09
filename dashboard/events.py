"""What the drift monitor and the training service last said, kept up to date by one background thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from producers.errors import TryAgain
from producers.topics import DRIFT, MODEL_EVENTS
from stream_processors import policy
from training.events import ModelEvent

log = logging.getLogger(__name__)

KEPT_EVENTS = 100
KEPT_TRAININGS = 20
KEPT_SESSIONS = 250  # of reports per asset and detector
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 15.0
POLL_MS = 500
ALIVE_EVERY_POLLS = 10


class PolicyWord(msgspec.Struct, frozen=True):
    """What the page reads of the policy's own report: what it decided, why, and all that it remembers."""

    name: str  # of the state, one word
    reason: str
    state: policy.State
    request: str = ""  # idempotency key, when it asked for a training


class DriftReport(msgspec.Struct, frozen=True):
    """What the page reads of a `drift/1` report; its other fields are ignored.

    Not stream_processors.drift's own type, whose module loads numba and costs the page two seconds at start.
    """

    asset: str
    detector: str
    value: float
    threshold: float
    alarm: bool
    session_date: int  # yyyymmdd; 0 in a word of the policy that is about no session
    at_ms: int
    triggers: bool = False  # this report asked for a retraining
    informs: bool = False  # shown for comparison; never asks for anything
    policy: PolicyWord | None = None


@dataclass(frozen=True)
class News:
    """The newest KEPT_EVENTS events, oldest first; the newest reports per asset and detector, oldest first."""

    events: tuple[ModelEvent, ...] = ()  # without those of kind `training`: a training tells hundreds
    progress: Mapping[str, ModelEvent] = field(
        default_factory=dict
    )  # the newest of each training, by its key
    reports: Mapping[tuple[str, str], tuple[DriftReport, ...]] = field(default_factory=dict)
    policy: DriftReport | None = None  # the newest word of the policy
    status: str = ""  # one sentence while the broker is away; what was read before stays valid
    revision: int = 0  # grows when anything but the status did

    def with_event(self, event: ModelEvent) -> News:
        """The same event twice changes nothing, so reading a topic again from its start is harmless."""
        if event.kind == "training":
            return self._with_progress(event)
        if event in self.events:
            return self
        events = sorted((*self.events, event), key=lambda one: one.at_ms)[-KEPT_EVENTS:]
        return replace(self, events=tuple(events), revision=self.revision + 1)

    def _with_progress(self, event: ModelEvent) -> News:
        known = self.progress.get(event.idempotency_key)
        if known is not None and known.at_ms >= event.at_ms:
            return self
        progress = sorted(
            {**self.progress, event.idempotency_key: event}.items(), key=lambda item: item[1].at_ms
        )
        return replace(self, progress=dict(progress[-KEPT_TRAININGS:]), revision=self.revision + 1)

    def with_report(self, report: DriftReport) -> News:
        """One per session; reading a topic again from its start is harmless, an older one changes nothing."""
        if report.policy is not None:
            if self.policy is not None and report.at_ms < self.policy.at_ms:
                return self
            return replace(self, policy=report, revision=self.revision + 1)
        key = report.asset, report.detector
        known = self.reports.get(key, ())
        if known and known[-1].session_date >= report.session_date:
            return self
        reports = {**self.reports, key: (*known, report)[-KEPT_SESSIONS:]}
        return replace(self, reports=reports, revision=self.revision + 1)

    def with_status(self, status: str) -> News:
        return self if status == self.status else replace(self, status=status)

    @property
    def latest(self) -> ModelEvent | None:
        """The newest event of all, the progress of a training included."""
        told = (*self.progress.values(), *self.events)  # of two at the same moment, the one that is kept
        return max(reversed(told), key=lambda one: one.at_ms, default=None)

    @property
    def drift(self) -> dict[tuple[str, str], DriftReport]:
        """The newest report per asset and detector."""
        return {key: known[-1] for key, known in self.reports.items()}


_event = msgspec.json.Decoder(ModelEvent)
_report = msgspec.json.Decoder(DriftReport)


def absorb(news: News, topic: str, raw: bytes | None) -> News:
    """`news` with one record added. A record that cannot be read is logged and skipped."""
    try:
        if topic == MODEL_EVENTS:
            return news.with_event(_event.decode(raw or b""))
        return news.with_report(_report.decode(raw or b""))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("%s: skipped one record: %s", topic, error)
        return news


class NewsReader:
    """Follows both topics from their beginning, without a consumer group: every page reads everything."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """config : keyword arguments for kafka-python's clients (servers, security)."""
        self._config = dict(config)
        self._news = News(status="Waiting for the message broker.")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="news", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end and wait for it."""
        self._stop.set()
        self._thread.join(timeout=10)

    def news(self) -> News:
        return self._news

    def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stop.is_set():
            try:
                self._follow()
            except Exception as error:  # whatever the client raises, the page must go on and say so
                was_following = not self._news.status
                wait_s = FIRST_WAIT_S if was_following else min(wait_s * 2, LONGEST_WAIT_S)
                status = f"Model events and drift reports are not available: {error}."
                if status != self._news.status:
                    log.warning("%s Trying again.", status)
                self._news = self._news.with_status(status)
                self._stop.wait(wait_s)

    def _follow(self) -> None:
        """Read until told to stop. Raises when the broker is away or has no such topics yet."""
        from kafka import KafkaConsumer, TopicPartition

        consumer = KafkaConsumer(
            **self._config,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # also when the broker restarted empty and our offset is gone
            allow_auto_create_topics=False,
        )
        try:
            partitions = []
            for topic in (MODEL_EVENTS, DRIFT):
                numbers = consumer.partitions_for_topic(topic)
                if not numbers:
                    raise TryAgain(f"topic {topic} does not exist yet")
                partitions += [TopicPartition(topic, number) for number in sorted(numbers)]
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            polls = 0
            while not self._stop.is_set():
                if polls % ALIVE_EVERY_POLLS == 0:  # poll() itself stays silent when the broker is gone
                    consumer.end_offsets(partitions, timeout_ms=5000)
                polls += 1
                news = self._news.with_status("")
                for partition, records in consumer.poll(timeout_ms=POLL_MS).items():
                    for record in records:
                        news = absorb(news, partition.topic, record.value)
                self._news = news
        finally:
            consumer.close()
