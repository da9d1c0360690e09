"""`allocast train`: ask for a retraining and, if wanted, follow it to its end."""

from __future__ import annotations

import sys
import time
from typing import Any

import msgspec

from producers import topics
from producers.errors import TryAgain
from producers.kafka_client import client_config
from producers.outbox import send_one
from producers.request import MODEL, SCHEMA, TrainingRequest, encode_request
from producers.settings import load_settings
from training.events import ModelEvent

TIMEOUT_S = 45 * 60.0


def run(as_json: bool, wait: bool) -> int:
    """Send the request; with `wait`, exit code 0 when the new model was promoted, 1 otherwise."""
    from kafka import KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    settings = load_settings()
    config = client_config(settings)
    now_ms = int(time.time() * 1000)
    request = TrainingRequest("manual", f"manual:{now_ms}", now_ms, "asked for on the command line")
    try:
        consumer = KafkaConsumer(**config, group_id=None, enable_auto_commit=False)
        numbers = consumer.partitions_for_topic(topics.MODEL_EVENTS) or ()
        partitions = [TopicPartition(topics.MODEL_EVENTS, number) for number in numbers]
        if not partitions:
            raise TryAgain(f"topic {topics.MODEL_EVENTS} does not exist; is `allocast up` running?")
        consumer.assign(partitions)
        consumer.seek_to_end()
        for partition in partitions:
            consumer.position(partition)  # fixes the end before the request is sent
        send_one(config, topics.REQUESTS, MODEL, encode_request(request), SCHEMA)
    except (KafkaError, OSError) as error:
        raise TryAgain(
            f"the broker at {settings.kafka_bootstrap_servers} does not answer: {error}"
        ) from error
    if not wait:
        _print(as_json, {"requested": request.idempotency_key}, f"requested: {request.idempotency_key}")
        return 0
    last = _follow(consumer, request.idempotency_key, as_json)
    _print(as_json, msgspec.to_builtins(last), f"{last.kind} {last.version}: {last.detail}")
    return 0 if last.kind == "promoted" else 1


def _follow(consumer: Any, key: str, quiet: bool) -> ModelEvent:
    """Events of one request as progress lines on standard error, until its final one."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=500).values():
            for record in records:
                message = msgspec.json.decode(record.value, type=ModelEvent)
                if message.idempotency_key != key:
                    continue
                if message.final:
                    return message
                if not quiet:
                    done = "" if message.progress is None else f"{message.progress:4.0%} "
                    sys.stderr.write(f"{message.kind}: {done}{message.detail}\n")
    raise TryAgain(f"no answer from the training service within {TIMEOUT_S / 60:.0f} minutes")


def _print(as_json: bool, value: Any, text: str) -> None:
    sys.stdout.write((msgspec.json.encode(value).decode() if as_json else text) + "\n")
