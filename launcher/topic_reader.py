"""`allocast topics list` and `tail`: what is in the log, decoded."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from launcher.create_topics import wait_for_broker
from launcher.topic_start import NEXT, Start, seek
from producers import tick, topics
from producers.broker_access import refusals
from producers.errors import FixAndRestart, SkipRecord, TryAgain
from producers.kafka_client import client_config
from producers.settings import Settings

ANSWER_S = 10.0  # how long a command that a person waits for looks for the broker


def list_topics(settings: Settings) -> list[dict[str, Any]]:
    """Name, partitions and records of every topic, by name.

    records : end minus begin offsets; compaction leaves holes, so a compacted topic may hold fewer.
    Raises TryAgain when the broker does not answer.
    """
    from kafka import TopicPartition

    with consumer(settings) as reader:
        rows = []
        for name in sorted(topic for topic in reader.topics() if not topic.startswith("__")):
            numbers = reader.partitions_for_topic(name) or set()
            partitions = [TopicPartition(name, number) for number in sorted(numbers)]
            begins, ends = reader.beginning_offsets(partitions), reader.end_offsets(partitions)
            records = sum(ends[one] - begins[one] for one in partitions)
            rows.append({"name": name, "partitions": len(partitions), "records": records})
        return rows


class Seen(NamedTuple):
    """One decoded value, where it lies and when the broker got it (ms since epoch)."""

    place: str
    at_ms: int
    value: dict[str, Any]


def tail(
    settings: Settings,
    topic: str,
    *,
    symbol: str | None = None,
    start: Start = NEXT,
    partition: int | None = None,
    where: Mapping[str, str] = MappingProxyType({}),
    follow: bool,
) -> Iterator[Seen]:
    """Records of a topic, decoded; frames of `market.ticks` as one object per tick.

    symbol : only what concerns this symbol. partition : only this one. where : field -> its value as text.
    follow : wait for more at the end, otherwise stop where the topic ended when the command began.
    Raises FixAndRestart for an unknown topic, TryAgain when the broker does not answer.
    """
    from kafka import TopicPartition

    with consumer(settings) as reader:
        numbers = reader.partitions_for_topic(topic)
        if not numbers:
            known = ", ".join(sorted(name for name in reader.topics() if not name.startswith("__")))
            raise FixAndRestart(
                f"topic {topic!r}: expected one of {known or 'no topics; run `topics create`'}"
            )
        if partition is not None and partition not in numbers:
            raise FixAndRestart(f"--partition {partition}: {topic} has 0 to {max(numbers)}")
        partitions = [
            TopicPartition(topic, number) for number in sorted(numbers) if partition in (None, number)
        ]
        reader.assign(partitions)
        ends = seek(reader, partitions, start)
        while follow or any(reader.position(one) < ends[one] for one in partitions):
            for records in reader.poll(timeout_ms=200).values():
                for record in records:
                    if not follow and record.offset >= ends[TopicPartition(topic, record.partition)]:
                        continue
                    place = f"{topic}[{record.partition}]@{record.offset}"
                    for value in _decoded(record, symbol):
                        if all(str(value.get(name)) == wanted for name, wanted in where.items()):
                            yield Seen(place, record.timestamp, value)


def whole_topic(reader: Any, topic: str) -> Iterator[Any]:
    """Records of a topic from its oldest to where it ends now, partition by partition in order."""
    from kafka import TopicPartition

    partitions = [
        TopicPartition(topic, number) for number in sorted(reader.partitions_for_topic(topic) or ())
    ]
    reader.assign(partitions)
    for partition in partitions:
        reader.seek_to_beginning(partition)
    ends = reader.end_offsets(partitions)
    while any(reader.position(one) < ends[one] for one in partitions):
        for records in reader.poll(timeout_ms=500).values():
            yield from records


def _decoded(record: Any, symbol: str | None) -> Iterator[dict[str, Any]]:
    if record.topic == topics.TICKS:
        try:
            yield from ticks(record.value, symbol)
        except SkipRecord as error:
            if symbol is None:
                yield {"unreadable": str(error), "partition": record.partition, "offset": record.offset}
        return
    key = (record.key or b"").decode(errors="replace")
    value = _json(record.value)
    if record.topic == topics.DEAD or not isinstance(value, dict):
        headers = {name: (text or b"").decode(errors="replace") for name, text in record.headers}
        value = {"key": key, "headers": headers, "value": value}
    if symbol is None or symbol in (key, value.get("symbol"), value.get("asset")):
        yield value


def ticks(raw: bytes, symbol: str | None = None) -> Iterator[dict[str, Any]]:
    """Every tick of a frame, in its order. Raises SkipRecord when it is no frame.

    >>> frame = tick.TickFrame("csv", "01J", 0, 5, ["GC=F", "^IXIC"], [1, 0], [3, 4], [2.0, 1500.5])
    >>> [one["price"] for one in ticks(tick.encode(frame), "GC=F")]
    [1500.5]
    """
    frame = tick.decode(raw)
    for row, column in enumerate(frame.symbol):
        name = frame.symbols[column]
        if symbol is None or symbol == name:
            yield {
                "symbol": name,
                "event_ms": frame.event_ms[row],
                "price": frame.price[row],
                "size": None if frame.size is None else frame.size[row],
                "seen_ms": frame.seen_ms,
                "source": frame.source,
                "epoch": frame.epoch,
                "seq": frame.seq,
                "history": frame.history,
            }


def _json(raw: bytes | None) -> Any:
    """Decoded JSON; the text itself when it is none, as a dead letter may be; None for a deleted key."""
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return raw.decode(errors="replace")


def consumer(settings: Settings) -> Any:
    """A consumer of no group, closed by `with`. Raises TryAgain when the broker does not answer."""
    started = time.monotonic()
    wait_for_broker(settings, ANSWER_S)
    from kafka import KafkaConsumer
    from kafka.errors import KafkaError

    left_ms = int(1000 * max(1.0, ANSWER_S - (time.monotonic() - started)))
    try:
        with refusals(settings):
            return KafkaConsumer(
                **client_config(settings),
                group_id=None,
                enable_auto_commit=False,
                bootstrap_timeout_ms=left_ms,
            )
    except KafkaError as error:
        raise TryAgain(f"Kafka at {settings.kafka_bootstrap_servers}: {error}") from error
