"""What is already in the log, so that a producer that starts again publishes nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from producers import tick, topics
from producers.errors import FixAndRestart, SkipRecord

if TYPE_CHECKING:
    from kafka import KafkaConsumer

TAIL_RECORDS = 64


def newest_published(consumer: KafkaConsumer, feed: str) -> dict[str, int]:
    """Newest event time per symbol in the last records of each partition of `market.ticks`.

    Raises FixAndRestart when the log holds another feed's prices: two markets must never be mixed.
    """
    from kafka import TopicPartition

    partitions = [
        TopicPartition(topics.TICKS, number) for number in consumer.partitions_for_topic(topics.TICKS) or ()
    ]
    consumer.assign(partitions)
    begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    todo = {}
    for partition in partitions:
        start = max(begins[partition], ends[partition] - TAIL_RECORDS)
        consumer.seek(partition, start)
        if start < ends[partition]:
            todo[partition] = ends[partition]
    newest: dict[str, int] = {}
    while todo:
        for records in consumer.poll(timeout_ms=1000).values():
            for record in records:
                try:
                    frame = tick.decode(record.value or b"")
                except SkipRecord:
                    continue
                if frame.source != feed:
                    raise FixAndRestart(
                        f"{topics.TICKS}: holds prices of feed {frame.source!r}, asked for {feed!r}; "
                        "use another broker or another --state-dir, feeds are never mixed"
                    )
                for index, event_ms in zip(frame.symbol, frame.event_ms, strict=True):
                    symbol = frame.symbols[index]
                    newest[symbol] = max(newest.get(symbol, event_ms), event_ms)
        todo = {partition: end for partition, end in todo.items() if consumer.position(partition) < end}
    return newest
