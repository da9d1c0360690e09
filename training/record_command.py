"""`allocast forecast-record`: what was forecast and what came of it, from `forecasts.log` and `market.bars`."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from producers import topics
from producers.errors import TryAgain
from producers.kafka_client import client_config
from producers.sessions import nyse
from producers.settings import load_settings
from stream_processors.messages import Bar
from training.forecast_log import Forecast
from training.said_and_done import Score, matured, scores


def run(as_json: bool) -> int:
    """Print the record of every asset and horizon. Raises TryAgain when the broker does not answer."""
    from kafka.errors import KafkaError

    settings = load_settings()
    try:
        forecasts = [
            msgspec.json.decode(value, type=Forecast) for value in everything(settings, topics.FORECASTS)
        ]
        bars = [msgspec.json.decode(value, type=Bar) for value in everything(settings, topics.BARS)]
    except (KafkaError, OSError) as error:
        raise TryAgain(
            f"the broker at {settings.kafka_bootstrap_servers} does not answer: {error}"
        ) from error
    closes: dict[str, dict[int, float]] = {}
    for bar in bars:  # a later bar of a session is its correction
        closes.setdefault(bar.symbol, {})[bar.session_date] = bar.close
    found = scores(matured(forecasts, closes, nyse()))
    if as_json:
        body = {"forecasts": len(forecasts), "scores": msgspec.to_builtins(found)}
        sys.stdout.write(msgspec.json.encode(body).decode() + "\n")
    else:
        sys.stdout.write(
            "\n".join(_lines(found)) + "\n"
            if found
            else f"{len(forecasts)} forecasts, none has matured yet\n"
        )
    return 0


def _lines(found: list[Score]) -> list[str]:
    lines = []
    for one in found:
        lines.append(
            f"{one.symbol} over {one.horizon} sessions, {one.matured} matured: 90 % interval held {one.coverage90:.0%}, "
            f"below the 5 % quantile {one.left_tail05:.0%}"
        )
        lines += [
            f"    we said {part.said:.0%} chance of loss; it happened {part.happened} of {part.of} times"
            for part in one.said
        ]
    return lines


def everything(settings: Any, topic: str) -> list[bytes]:
    """Every value of a topic, oldest first within a partition."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(**client_config(settings), group_id=None, enable_auto_commit=False)
    try:
        numbers = consumer.partitions_for_topic(topic) or ()
        partitions = [TopicPartition(topic, number) for number in numbers]
        if not partitions:
            raise TryAgain(f"topic {topic} does not exist; is `allocast up` running?")
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        values: list[bytes] = []
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for records in consumer.poll(timeout_ms=500).values():
                values += [record.value for record in records if record.value]
        return values
    finally:
        consumer.close()
