"""`python -m stream_processors.monitor`: scores logged forecasts, reports drift, asks for retraining.

The detectors keep no state of their own: at a start it reads `market.bars` and `forecasts.log` from the
beginning, scores them session by session, and comes to the same detectors (within one session assets are
scored in the order of their symbols then, in the order of arrival otherwise). Reports that were sent before
are not sent again: the newest one per asset and detector says how far the log was scored. The policy's state
is in its newest report. A request is sent before its report, and its idempotency key makes a repeat harmless.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from functools import partial
from typing import Any

import msgspec

from feature_repo.features import spec_hash
from producers import heap, logs, metrics, topics
from producers.entry_point import exit_codes, told_to_stop
from producers.kafka_client import client_config
from producers.outbox import Outbox
from producers.request import MODEL, TrainingRequest, encode_request
from producers.request import SCHEMA as REQUEST_SCHEMA
from producers.sessions import session_number
from producers.settings import Settings, load_settings
from producers.universe import Universe, load_universe
from producers.waiting import topic_id, until
from stream_processors import policy
from stream_processors.drift import EVERYTHING, SCHEMA, DriftReport, Monitor
from stream_processors.known_detectors import river_detectors
from stream_processors.matching import LoggedForecast, Matcher, Scored
from stream_processors.messages import Bar

log = logging.getLogger("stream_processors.monitor")


COVERAGE_SESSIONS = 250  # of each asset, for the gauge
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, ValueError, ZeroDivisionError)
POLICY = "policy"  # the detector name of the policy's own reports
LATE_SESSIONS = 5  # an asset without a bar for so long after the others blocks retraining
OUTCOMES = ("promoted", "rejected", "failed", "kept", "rolled_back")


class ModelNews(msgspec.Struct, frozen=True):
    """What the policy needs of a `model/1` record."""

    kind: str
    reason: str = ""
    idempotency_key: str = ""
    final: bool = False


class MonitorService:
    """One consumer over bars, forecasts, model events and our own reports; one outbox."""

    def __init__(self, settings: Settings, universe: Universe) -> None:
        from kafka import KafkaConsumer, TopicPartition

        config = client_config(settings)
        self._topic_partition: Any = TopicPartition
        self._outbox = Outbox(config, linger_ms=5)
        self._consumer: Any = KafkaConsumer(**config, group_id=None, enable_auto_commit=False)
        self._ids = {asset.symbol: asset.id for asset in universe.priced}
        self._closes: dict[str, dict[int, float]] = {}
        self._newest: dict[str, int] = {}
        self._monitor = Monitor(list(self._ids.values()), self._closes, known=river_detectors())
        self._matcher = Matcher()
        self._within: dict[str, deque[bool]] = {}
        self._state = policy.State()
        self._news_read = 0  # offset in models.events up to which the policy knows
        self._reported: dict[tuple[str, str], int] = {}
        self._triggered: set[tuple[str, str, int]] = set()
        self._newest_reports()
        log.info("policy: %s", self._state.name)
        self._follow()
        self._catch_up()
        self._decide(policy.Ruled(self._state.session, rules(settings)))
        self._decide(policy.Spec(self._state.session, spec_hash()))
        self._outbox.settle()

    def _partitions(self, *names: str) -> list[Any]:
        return [
            self._topic_partition(topic, number)
            for topic in names
            for number in self._consumer.partitions_for_topic(topic) or ()
        ]

    def _follow(self) -> None:
        everything = self._partitions(topics.BARS, topics.FORECASTS, topics.MODEL_EVENTS)
        self._consumer.assign(everything)
        self._consumer.seek_to_beginning()
        for one in everything:
            if one.topic == topics.MODEL_EVENTS:
                self._consumer.seek(one, self._news_read)

    def _catch_up(self) -> None:
        """Score the past in the order of its sessions: partitions are read one after the other."""
        partitions = list(self._consumer.assignment())
        ends = self._consumer.end_offsets(partitions)
        past: list[Scored] = []
        while any(self._consumer.position(one) < ends[one] for one in partitions):
            past += self._read(timeout_ms=500)
        for scored in sorted(past, key=lambda one: (one.session_date, one.symbol)):
            self._score(scored)

    def _newest_reports(self) -> None:
        """How far the log was scored, what triggered, and the policy's newest state."""
        partitions = self._partitions(topics.DRIFT)
        self._consumer.assign(partitions)
        self._consumer.seek_to_beginning()
        ends = self._consumer.end_offsets(partitions)
        while any(self._consumer.position(one) < ends[one] for one in partitions):
            for records in self._consumer.poll(timeout_ms=500).values():
                for record in records:
                    try:
                        self._remember(msgspec.json.decode(record.value or b"", type=DriftReport))
                    except UNREADABLE as error:
                        log.warning("%s[%d]@%d: %s", record.topic, record.partition, record.offset, error)

    def _remember(self, report: DriftReport) -> None:
        if report.policy is not None:
            self._state = msgspec.convert(report.policy["state"], policy.State)
            self._news_read = int(report.policy.get("news_read", 0))
            return
        self._reported[report.asset, report.detector] = report.session_date
        if report.triggers:
            self._triggered.add((report.asset, report.detector, report.session_date))

    def close(self) -> None:
        """End the connections."""
        self._outbox.close()
        self._consumer.close()

    def step(self) -> None:
        """Read what is new and act on it. Raises TryAgain when the log did not take what there was to say:
        a restart goes on from what it did take.
        """
        for scored in self._read(timeout_ms=500):
            self._score(scored)
        self._outbox.settle()

    def _read(self, timeout_ms: int) -> list[Scored]:
        """Outcomes that the next records complete."""
        found: list[Scored] = []
        for partition, records in self._consumer.poll(timeout_ms=timeout_ms).items():
            for record in records:
                source = f"{partition.topic}[{partition.partition}]@{record.offset}"
                try:
                    if partition.topic == topics.MODEL_EVENTS:
                        self._news_read = record.offset + 1
                        self._heard(msgspec.json.decode(record.value or b"", type=ModelNews))
                    else:
                        found += self._match(partition.topic, record.value or b"", source)
                except UNREADABLE as error:
                    log.warning("%s: %s", source, error)
        return found

    def _match(self, topic: str, value: bytes, source: str) -> list[Scored]:
        if topic == topics.FORECASTS:
            return list(self._matcher.forecast(msgspec.json.decode(value, type=LoggedForecast), source))
        bar = msgspec.json.decode(value, type=Bar)
        asset = self._ids.get(bar.symbol)
        if asset is not None:
            # The newest word counts: a past that was adjusted comes whole, and half of it would show a jump.
            self._closes.setdefault(asset, {})[bar.session_date] = bar.close
            self._newest[asset] = max(bar.session_date, self._newest.get(asset, 0))
        return list(self._matcher.bar(bar, source))

    def _heard(self, news: ModelNews) -> None:
        if news.kind == "requested":
            self._decide(policy.Asked(self._state.session, news.idempotency_key, news.reason))
        elif news.kind in OUTCOMES and news.final:
            self._decide(policy.Ended(self._state.session, news.idempotency_key, news.kind))

    def _score(self, scored: Scored) -> None:
        asset = self._ids.get(scored.symbol)
        if asset is None:
            return
        within = self._within.setdefault(asset, deque(maxlen=COVERAGE_SESSIONS))
        within.append(0.05 <= scored.pit <= 0.95)
        metrics.COVERAGE.labels(asset).set(sum(within) / len(within))
        metrics.OUTCOMES.labels(asset).inc()
        now_ms = int(time.time() * 1000)
        session = session_number(scored.session_date)
        reports = self._monitor.score(asset, scored, now_ms)
        fresh = [
            one for one in reports if one.session_date > self._reported.get((one.asset, one.detector), 0)
        ]
        if fresh:
            self._decide(policy.Quality(session, self._late(scored.session_date)))
            self._decide(policy.Served(session, scored.model, scored.spec_hash, now_ms), fresh[0])
        for report in reports:
            metrics.DETECTOR.labels(report.asset, report.detector).set(report.value)
            metrics.THRESHOLD.labels(report.asset, report.detector).set(report.threshold)
            triggers = (report.asset, report.detector, report.session_date) in self._triggered
            if report in fresh:
                reading = policy.Reading(session, f"{report.asset}:{report.detector}", report.alarm)
                triggers = not report.informs and self._decide(reading, report)
                self._send(msgspec.structs.replace(report, triggers=triggers))
            if triggers:
                self._monitor.reset()

    def _late(self, today: int) -> str:
        """Which asset's prices have stopped while others go on; empty when none."""
        behind = {
            asset: date
            for asset, date in self._newest.items()
            if session_number(today) - session_number(date) > LATE_SESSIONS
        }
        return "; ".join(f"{asset} has no price since {date}" for asset, date in sorted(behind.items()))

    def _decide(self, event: policy.Event, report: DriftReport | None = None) -> bool:
        """Give an event to the policy, log what it said, send what it asks for; whether it asked."""
        done = policy.step(self._state, event)
        self._state = done.state
        if done.request is not None:
            self._request(done.request, report)
        if done.reason:
            log.info("policy: %s (%s)", done.reason, done.state.name)
            self._send(
                DriftReport(
                    asset=EVERYTHING,
                    detector=POLICY,
                    value=float(len(done.state.drift_trainings)),
                    threshold=float(done.state.rules.budget),
                    alarm=False,
                    triggers=False,
                    session_date=report.session_date if report else 0,
                    pit=0.5,
                    model=done.state.model,
                    at_ms=int(time.time() * 1000),
                    informs=True,
                    policy={
                        "name": done.state.name,
                        "reason": done.reason,
                        "event": msgspec.to_builtins(event),
                        "state": msgspec.to_builtins(done.state),
                        "request": done.request.key if done.request else "",
                        "news_read": self._news_read,
                    },
                )
            )
        return done.request is not None

    def _send(self, report: DriftReport) -> None:
        self._outbox.send(topics.DRIFT, report.asset, msgspec.json.encode(report), SCHEMA)

    def _request(self, asked: policy.Request, report: DriftReport | None) -> None:
        detail = asked.detail
        if report is not None and asked.reason in ("drift", "storm"):
            detail += (
                f"; {report.detector} of {report.asset} at {report.value:.0f}, threshold {report.threshold:.0f}, "
                f"session {report.session_date}, window of {report.window} sessions to {report.forecast}"
            )
        log.warning("%s; asking for a retraining (%s)", detail, asked.reason)
        request = TrainingRequest(
            reason=asked.reason,
            idempotency_key=asked.key,
            at_ms=int(time.time() * 1000),
            detail=detail,
        )
        self._outbox.send(topics.REQUESTS, MODEL, encode_request(request), REQUEST_SCHEMA)
        self._outbox.settle()
        metrics.RETRAININGS_ASKED.labels(asked.reason).inc()


def rules(settings: Settings) -> policy.Rules:
    """What the policy goes by."""
    return policy.Rules(
        consecutive=settings.drift_sessions,
        cooldown=settings.drift_cooldown_sessions,
        longest_cooldown=max(policy.RULES.longest_cooldown, settings.drift_cooldown_sessions),
        budget=settings.drift_budget,
        max_age=settings.model_age_sessions,
        least_hours=settings.model_age_hours,
    )


def main() -> int:
    """Entry point: runs until it is told to stop."""
    with exit_codes("monitor"):
        settings = load_settings()
        logs.configure(settings, "monitor")
        heap.keep_small()
        metrics.serve(settings, "monitor")
        stop = told_to_stop()
        universe = load_universe(settings.universe_file)
        for topic in (topics.BARS, topics.FORECASTS, topics.DRIFT, topics.MODEL_EVENTS):
            until(partial(topic_id, settings, topic), settings, log)
        service = MonitorService(settings, universe)
        metrics.READY.labels("monitor").set(1)  # the past is scored
        log.info("scoring forecasts of %s", ", ".join(asset.id for asset in universe.priced))
        while not stop.is_set():
            service.step()
            metrics.progress("monitor")
    return 0


if __name__ == "__main__":
    sys.exit(main())
