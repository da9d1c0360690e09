"""`python -m stream_processors.monitor`: scores logged forecasts, reports drift, asks for retraining.

It keeps no state of its own: at a start it reads `market.bars` and `forecasts.log` from the beginning, scores
them session by session, and comes to the same detectors (within one session assets are scored in the order
of their symbols then, in the order of arrival otherwise). Reports that were sent before are not sent again:
the newest one per asset and detector says how far the log was scored. A request is sent before its report,
and its idempotency key makes a repeat harmless.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from producers import logs, metrics, topics
from producers.errors import AllocastError, FixAndRestart
from producers.kafka_client import client_config
from producers.request import MODEL, TrainingRequest, encode_request
from producers.request import SCHEMA as REQUEST_SCHEMA
from producers.settings import Settings, load_settings
from producers.universe import Universe, load_universe
from producers.waiting import topic_id, until
from stream_processors.drift import SCHEMA, DriftReport, Monitor
from stream_processors.matching import LoggedForecast, Matcher, Scored
from stream_processors.messages import Bar

log = logging.getLogger("stream_processors.monitor")


COVERAGE_SESSIONS = 250  # of each asset, for the gauge
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, ValueError, ZeroDivisionError)


class MonitorService:
    """One consumer over bars, forecasts and our own reports; one producer."""

    def __init__(self, settings: Settings, universe: Universe) -> None:
        from kafka import KafkaConsumer, KafkaProducer, TopicPartition

        config = client_config(settings)
        self._producer = KafkaProducer(**config, linger_ms=5)
        self._consumer: Any = KafkaConsumer(**config, group_id=None, enable_auto_commit=False)
        self._ids = {asset.symbol: asset.id for asset in universe.priced}
        self._monitor = Monitor(list(self._ids.values()))
        self._matcher = Matcher()
        self._within: dict[str, deque[bool]] = {}
        self._reported = self._newest_reports(TopicPartition)
        self._consumer.assign(
            [
                TopicPartition(topic, number)
                for topic in (topics.BARS, topics.FORECASTS)
                for number in self._consumer.partitions_for_topic(topic) or ()
            ]
        )
        self._consumer.seek_to_beginning()
        self._catch_up()

    def _catch_up(self) -> None:
        """Score the past in the order of its sessions: partitions are read one after the other."""
        partitions = list(self._consumer.assignment())
        ends = self._consumer.end_offsets(partitions)
        past: list[Scored] = []
        while any(self._consumer.position(one) < ends[one] for one in partitions):
            past += self._read(timeout_ms=500)
        for scored in sorted(past, key=lambda one: (one.session_date, one.symbol)):
            self._score(scored)

    def _newest_reports(self, partition: Callable[[str, int], Any]) -> dict[tuple[str, str], int]:
        """Newest reported session per asset and detector."""
        numbers = self._consumer.partitions_for_topic(topics.DRIFT) or ()
        partitions = [partition(topics.DRIFT, number) for number in numbers]
        self._consumer.assign(partitions)
        self._consumer.seek_to_beginning()
        ends = self._consumer.end_offsets(partitions)
        newest: dict[tuple[str, str], int] = {}
        while any(self._consumer.position(one) < ends[one] for one in partitions):
            for records in self._consumer.poll(timeout_ms=500).values():
                for record in records:
                    try:
                        report = msgspec.json.decode(record.value or b"", type=DriftReport)
                    except UNREADABLE as error:
                        log.warning("%s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
                        continue
                    newest[report.asset, report.detector] = report.session_date
        return newest

    def step(self) -> None:
        """Read what is new and act on it."""
        for scored in self._read(timeout_ms=500):
            self._score(scored)

    def _read(self, timeout_ms: int) -> list[Scored]:
        """Outcomes that the next records complete."""
        found: list[Scored] = []
        for partition, records in self._consumer.poll(timeout_ms=timeout_ms).items():
            for record in records:
                try:
                    found += self._match(partition.topic, record.value or b"")
                except UNREADABLE as error:
                    log.warning("%s[%d]@%d: %s", partition.topic, partition.partition, record.offset, error)
        return found

    def _match(self, topic: str, value: bytes) -> list[Scored]:
        if topic == topics.BARS:
            return list(self._matcher.bar(msgspec.json.decode(value, type=Bar)))
        return list(self._matcher.forecast(msgspec.json.decode(value, type=LoggedForecast)))

    def _score(self, scored: Scored) -> None:
        asset = self._ids.get(scored.symbol)
        if asset is None:
            return
        within = self._within.setdefault(asset, deque(maxlen=COVERAGE_SESSIONS))
        within.append(0.05 <= scored.pit <= 0.95)
        metrics.COVERAGE.labels(asset).set(sum(within) / len(within))
        metrics.OUTCOMES.labels(asset).inc()
        now_ms = int(time.time() * 1000)
        for report in self._monitor.score(asset, scored.session_date, scored.pit, scored.model, now_ms):
            metrics.DETECTOR.labels(asset, report.detector).set(report.value)
            metrics.THRESHOLD.labels(asset, report.detector).set(report.threshold)
            if report.session_date <= self._reported.get((report.asset, report.detector), 0):
                continue
            if report.triggers:
                self._request(report)
            self._producer.send(
                topics.DRIFT,
                key=report.asset.encode(),
                value=msgspec.json.encode(report),
                headers=topics.schema_header(SCHEMA),
            )

    def _request(self, report: DriftReport) -> None:
        detail = (
            f"{report.detector} of {report.asset}: {report.value:.0f} >= {report.threshold:.0f} "
            f"at session {report.session_date}"
        )
        log.warning("drift: %s; asking for a retraining", detail)
        request = TrainingRequest(
            reason="drift",
            idempotency_key=f"drift:{report.asset}:{report.detector}:{report.session_date}:{report.model}",
            at_ms=report.at_ms,
            detail=detail,
        )
        self._producer.send(
            topics.REQUESTS,
            key=MODEL.encode(),
            value=encode_request(request),
            headers=topics.schema_header(REQUEST_SCHEMA),
        )
        self._producer.flush()
        metrics.RETRAININGS_ASKED.labels(report.asset).inc()


def main() -> int:
    """Entry point: runs until it is told to stop."""
    try:
        settings = load_settings()
        logs.configure(settings, "monitor")
        metrics.serve(settings, "monitor")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
        universe = load_universe(settings.universe_file)
        for topic in (topics.BARS, topics.FORECASTS, topics.DRIFT):
            until(partial(topic_id, settings, topic), settings, log)
        service = MonitorService(settings, universe)
        log.info("scoring forecasts of %s", ", ".join(asset.id for asset in universe.priced))
        while True:
            service.step()
            metrics.progress("monitor")
    except AllocastError as error:
        sys.stderr.write(f"monitor: {error}\n")
        return 2 if isinstance(error, FixAndRestart) else 1


if __name__ == "__main__":
    sys.exit(main())
