"""The retraining service: requests in, models and events out; forecasts logged at every session's close.

Requests are taken one at a time. The offset of a request is committed after its final event is in
`models.events`, so a service that is killed takes the request up again; the idempotency key keeps one that
had ended from running twice. One service per state folder: a second one waits for the lock of the first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from producers import topics
from producers.errors import SkipRecord, TryAgain
from producers.feed_health import training_blocked
from producers.kafka_client import client_config
from producers.request import MODEL, TrainingRequest, decode_request
from producers.settings import Settings
from producers.universe import Universe
from stream_processors.messages import Features
from stream_processors.state_version import APP_ID
from training import forecast_log
from training.champion import ChampionWatcher
from training.events import SCHEMA, ModelEvent, event
from training.runner import Runner

log = logging.getLogger("training")

GROUP = "allocast-training"
DELIVERY_S = 120.0
SAY_EVERY_S = 60.0
DISTRUST_S = 30.0  # between two looks at the quality of the data


class Service:
    """One loop over two consumers and the job."""

    def __init__(self, settings: Settings, universe: Universe) -> None:
        self._settings = settings
        config = client_config(settings)
        self._producer = KafkaProducer(**config, linger_ms=5)
        # Assigned, not subscribed: the lock already makes us the only service, and joining a group would
        # delay the first model. The group still holds the committed offset.
        self._requests = KafkaConsumer(
            **config,
            group_id=GROUP,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=1,
        )
        self._requests.assign(_partitions(self._requests, topics.REQUESTS))
        self._rows = KafkaConsumer(**config, group_id=None, enable_auto_commit=False)
        self._rows.assign(_partitions(self._rows, topics.FEATURES))
        self._rows.seek_to_end()
        self._finished = finished_keys(config)
        self._watcher = ChampionWatcher(settings.models_dir, universe)
        self._runner = Runner()
        self._waiting: tuple[TrainingRequest, float] | None = None
        self._current: TopicPartition | None = None
        self._next_offset = 0
        self._trusted_until = self._ask_again = 0.0  # by the quality of the data
        self._admin: Any = None

    def run(self, should_stop: Any) -> None:
        """Until `should_stop()`; then the child is ended."""
        try:
            while not should_stop():
                self.step()
        finally:
            self._runner.stop()
            self._producer.flush()

    def step(self) -> None:
        """One round: log forecasts, take a request when idle, pass on what the job says."""
        self._log_forecasts(self._rows.poll(timeout_ms=100))
        for partition, records in self._requests.poll(timeout_ms=0).items():
            for record in records:
                self._take(partition, record)
        if self._waiting is not None and not self._runner.busy:
            request, said = self._waiting
            if self._processed(request) and not self._distrusted(request):
                self._waiting = None
                self._runner.begin(request)
            elif time.monotonic() - said > SAY_EVERY_S:
                self._waiting = (request, time.monotonic())
                log.warning("waiting for the stream worker to process the history; is it running?")
        for message in self._runner.events():
            self._tell(message)
            if message.final:
                if message.kind != "failed":  # what failed may be asked for again
                    self._finished.add(message.idempotency_key)
                self._done()

    def _take(self, partition: TopicPartition, record: Any) -> None:
        self._current, self._next_offset = partition, record.offset + 1
        self._requests.pause(partition)
        try:
            request = decode_request(record.value or b"")
        except SkipRecord as error:
            log.warning("%s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
            self._done()
            return
        if request.idempotency_key in self._finished:
            log.info("request %s was answered before", request.idempotency_key)
            self._done()
            return
        log.info("request %s: %s %s", request.idempotency_key, request.reason, request.detail)
        self._tell(event("requested", request.reason, request.idempotency_key, detail=request.detail))
        self._waiting = (request, time.monotonic())

    def _done(self) -> None:
        """Commit the current request and listen for the next."""
        self._producer.flush()
        if self._current is not None:
            self._requests.commit({self._current: OffsetAndMetadata(self._next_offset, "", -1)})
            self._requests.resume(self._current)
            self._current = None

    def _processed(self, request: TrainingRequest) -> bool:
        """Whether the stream worker has made everything the request builds on durable."""
        if not request.after:
            return True
        try:
            if self._admin is None:
                self._admin = KafkaAdminClient(**client_config(self._settings))
            held = committed(self._admin, APP_ID, topics.TICKS, [int(part) for part in request.after])
        except (KafkaError, OSError) as error:
            log.warning("cannot read the worker's progress: %s", error)
            return False
        return all(held.get(int(part), 0) >= end for part, end in request.after.items())

    def _distrusted(self, request: TrainingRequest) -> bool:
        """Whether the data are such that nobody should learn from them now; a person may insist."""
        if request.reason == "manual" or time.monotonic() < self._trusted_until:
            return False
        if time.monotonic() < self._ask_again:
            return True
        try:
            why = training_blocked(self._settings, int(time.time() * 1000))
        except TryAgain as error:
            why = str(error)
        self._ask_again = time.monotonic() + DISTRUST_S
        if why:
            log.warning("request %s waits: %s", request.idempotency_key, why)
        else:
            self._trusted_until = self._ask_again
        return bool(why)

    def _log_forecasts(self, polled: dict[Any, list[Any]]) -> None:
        champion = self._watcher.current()
        if champion is None:
            return
        for record in _flat(polled):
            if b'"final":true' not in (record.value or b""):
                continue
            try:
                message = msgspec.json.decode(record.value, type=Features)
                forecast = forecast_log.forecast_of(champion, message)
            except (msgspec.DecodeError, UnicodeDecodeError, ValueError, KeyError) as error:
                log.warning("%s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
                continue
            if forecast is not None:
                self._producer.send(
                    topics.FORECASTS,
                    key=forecast.symbol.encode(),
                    value=msgspec.json.encode(forecast),
                    headers=topics.schema_header(forecast_log.SCHEMA),
                )

    def _tell(self, message: ModelEvent) -> None:
        if message.kind != "training" or not message.progress:
            log.info("%s %s: %s", message.kind, message.version, message.detail)
        sent = self._producer.send(
            topics.MODEL_EVENTS,
            key=MODEL.encode(),
            value=msgspec.json.encode(message),
            headers=topics.schema_header(SCHEMA),
        )
        if message.final:
            sent.get(timeout=DELIVERY_S)  # the request is committed only after this is in the log


def _flat(polled: dict[Any, list[Any]]) -> Iterable[Any]:
    return (record for records in polled.values() for record in records)


def _partitions(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]


def finished_keys(config: dict[str, Any]) -> set[str]:
    """Idempotency keys of requests that were answered, from the whole of `models.events`."""
    consumer = KafkaConsumer(**config, group_id=None, enable_auto_commit=False)
    try:
        partitions = _partitions(consumer, topics.MODEL_EVENTS)
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(partitions)
        keys: set[str] = set()
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for record in _flat(consumer.poll(timeout_ms=500)):
                try:
                    message = msgspec.json.decode(record.value or b"", type=ModelEvent)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    log.warning("%s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
                    continue
                if message.final and message.kind != "failed":
                    keys.add(message.idempotency_key)
        return keys
    finally:
        consumer.close()


def committed(admin: Any, group: str, topic: str, partitions: list[int]) -> dict[int, int]:
    """Next offsets that a consumer group has committed; partitions without a commit are left out."""
    wanted = [TopicPartition(topic, number) for number in partitions]
    offsets = admin.list_group_offsets({group: wanted})[group]
    return {partition.partition: held.offset for partition, held in offsets.items() if held.offset >= 0}
