"""What the drift monitor and the training service last said, kept up to date by one background thread."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from dashboard.follower import Follower
from producers.topics import DRIFT, MODEL_EVENTS
from stream_processors import policy
from training.events import ModelEvent

log = logging.getLogger(__name__)

KEPT_EVENTS = 100
KEPT_TRAININGS = 20
KEPT_SESSIONS = 250  # of reports per asset and detector


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
    """Follows both topics from their beginning."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """config : keyword arguments for kafka-python's clients (servers, security)."""
        self._news = News(status="Waiting for the message broker.")
        self._next = self._news
        self._follower = Follower("news", config, (MODEL_EVENTS, DRIFT), self)

    def start(self) -> None:
        self._follower.start()

    def stop(self) -> None:
        """Ask the thread to end and wait for it."""
        self._follower.stop()

    def news(self) -> News:
        return self._news

    def absorb(self, topic: str, raw: bytes | None) -> None:
        self._next = absorb(self._next, topic, raw)

    def polled(self, consumer: Any) -> None:
        del consumer
        self._news = self._next = self._next.with_status("")

    def away(self, why: str) -> None:
        status = f"Model events and drift reports are not available: {why}."
        self._news = self._next = self._next.with_status(status)
