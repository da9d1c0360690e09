"""What the logs hold when the service starts: forecasts that were made, requests that were answered."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition

from producers import topics
from training.events import SHADOW, ModelEvent
from training.forecast_log import Forecast

log = logging.getLogger("training")


def logged_forecasts(config: dict[str, Any]) -> Iterator[Forecast]:
    """The whole of `forecasts.log`, in order."""
    for record in _whole(config, topics.FORECASTS):
        try:
            yield msgspec.json.decode(record.value or b"", type=Forecast)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("%s[%d]@%d: %s", record.topic, record.partition, record.offset, error)


def answered_keys(config: dict[str, Any]) -> tuple[set[str], dict[str, int]]:
    """Idempotency keys of requests that were answered, from the whole of `models.events`.

    Those that have a model or a verdict, and those whose training failed with the time of that (ms since epoch):
    a failed one may be asked for again afterwards.
    """
    answered: set[str] = set()
    failed: dict[str, int] = {}
    for record in _whole(config, topics.MODEL_EVENTS):
        try:
            message = msgspec.json.decode(record.value or b"", type=ModelEvent)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("%s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
            continue
        if message.final and message.kind == "failed":
            failed[message.idempotency_key] = message.at_ms
        elif message.final or message.kind == SHADOW:
            answered.add(message.idempotency_key)
    return answered, failed


def partitions_of(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    """Those that the topic has now."""
    return [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]


def _whole(config: dict[str, Any], topic: str) -> Iterator[Any]:
    """Every record that a topic holds now."""
    consumer = KafkaConsumer(**config, group_id=None, enable_auto_commit=False)
    try:
        partitions = partitions_of(consumer, topic)
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for records in consumer.poll(timeout_ms=500).values():
                yield from records
    finally:
        consumer.close()
