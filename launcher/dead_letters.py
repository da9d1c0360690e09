"""Dead letters as an engineer meets them: list, look at one, publish again what was mended elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from launcher.topic_reader import consumer, whole_topic
from producers import tick, topics
from producers.errors import FixAndRestart, SkipRecord
from producers.kafka_client import client_config
from producers.publisher import Framer, new_epoch
from producers.settings import Settings
from producers.tick_batch import batch
from stream_processors.messages import DeadTick


class DeadLetter(msgspec.Struct, frozen=True):
    """One record of `market.dead`. `offset` is its own and names it in the other commands."""

    offset: int
    reason: str
    kind: str  # tick: one refused tick of a frame; frame: a whole record that could not be read
    source: str  # topic[partition]@offset it came from
    detail: str
    value: str  # the refused bytes, or the refused tick as JSON


def letters(settings: Settings, reason: str | None = None) -> Iterator[DeadLetter]:
    """All dead letters, oldest first; only those with `reason`, if it is given."""
    for record in _records(settings):
        headers = {name: value.decode(errors="replace") for name, value in record.headers}
        if reason is None or headers.get("reason") == reason:
            where = f"[{headers.get('source_partition')}]@{headers.get('source_offset')}"
            yield DeadLetter(
                offset=record.offset,
                reason=headers.get("reason", ""),
                kind=headers.get("kind", "frame"),
                source=f"{headers.get('source_topic')}{where}",
                detail=headers.get("detail", ""),
                value=(record.value or b"").decode(errors="replace"),
            )


def replay(settings: Settings, offsets: Sequence[int]) -> int:
    """Publish dead letters to `market.ticks` again, as they are. Returns how many.

    What was refused for a reason that still holds becomes a dead letter again. A tick goes out as a frame of
    its own, under a new epoch. Raises FixAndRestart for an offset that is not there or was cut short.
    """
    wanted = set(offsets)
    found = {record.offset: record for record in _records(settings) if record.offset in wanted}
    if missing := sorted(wanted - set(found)):
        raise FixAndRestart(f"{topics.DEAD}: no dead letter at offset {', '.join(map(str, missing))}")
    from kafka import KafkaProducer

    producer = KafkaProducer(**client_config(settings))
    try:
        partitions = len(producer.partitions_for(topics.TICKS))
        framers: dict[str, Framer] = {}
        # All are looked at before the first is sent: of a call that is refused nothing has happened.
        frames = [one for offset in offsets for one in _again(found[offset], framers, partitions)]
        for number, value in frames:
            headers = topics.schema_header(tick.SCHEMA)
            producer.send(topics.TICKS, value=value, partition=number, headers=headers).get(timeout=30)
    finally:
        producer.close()
    return len(offsets)


def _again(record: Any, framers: dict[str, Framer], partitions: int) -> list[tuple[int, bytes]]:
    """What a dead letter is published as: partition and frame. Raises FixAndRestart when it cannot be."""
    headers = dict(record.headers)
    where = f"{topics.DEAD}@{record.offset}"
    if "truncated_from" in headers:
        raise FixAndRestart(f"{where}: was cut short when it was stored; it cannot be replayed")
    if headers.get("kind") != b"tick":
        return [(int(headers["source_partition"]), as_new(record.value))]
    dead = msgspec.json.decode(record.value, type=DeadTick)
    if dead.price is None:
        raise FixAndRestart(f"{where}: the tick has no price")
    framer = framers.setdefault(dead.source, Framer(dead.source, partitions, new_epoch()))
    size = None if dead.size is None else [dead.size]
    one = batch([dead.symbol], [dead.event_ms], [dead.price], size)
    return [
        (number, tick.encode(frame)) for number, frame in framer.frames(one, int(time.time() * 1000), False)
    ]


def as_new(value: bytes) -> bytes:
    """A refused record as it is published again: a frame that can be read gets an epoch of its own.

    Under its old one it would be dropped as a duplicate, for later frames have gone by since.
    """
    try:
        frame = tick.decode(value)
    except SkipRecord:
        return value
    return tick.encode(msgspec.structs.replace(frame, epoch=new_epoch(), seq=0))


def _records(settings: Settings) -> Iterator[Any]:
    with consumer(settings) as reader:
        yield from whole_topic(reader, topics.DEAD)
