"""What is already in the log, so that a producer that starts again publishes nothing twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from producers import tick, topics
from producers.errors import FixAndRestart, SkipRecord
from producers.reference import is_reference

if TYPE_CHECKING:
    from kafka import KafkaConsumer, TopicPartition

# Records read back from the end of each partition, until every symbol was met. Most starts need the first
# step only, or the second beside a busy producer; a symbol that quotes once a month, or was never published, needs more.
STEPS = (64, 512, 4_096, 2**40)
NEAR = 4_096  # records from the beginning or the end of a partition
AHEAD_MS = 5_000  # how far an event may be ahead of the moment at which it was read


def newest_published(consumer: KafkaConsumer, feed: str, symbols: Iterable[str]) -> dict[str, int]:
    """Newest event time per symbol in `market.ticks`; symbols that are not in the log are left out.

    Other symbols of the same market are the business of other producers.
    Raises FixAndRestart when the log holds another feed's prices: two markets must never be mixed.
    """
    from kafka import TopicPartition

    numbers = sorted(consumer.partitions_for_topic(topics.TICKS) or ())
    ours, newest = set(symbols), dict[str, int]()
    for step in STEPS:
        wanted = {tick.partition_of(symbol, len(numbers)) for symbol in ours - newest.keys()}
        if not wanted:
            break
        partitions = [TopicPartition(topics.TICKS, number) for number in sorted(wanted)]
        _read(consumer, partitions, step, feed, newest)
    return {symbol: event_ms for symbol, event_ms in newest.items() if symbol in ours}


def _read(
    consumer: KafkaConsumer, partitions: list[TopicPartition], tail: int, feed: str, newest: dict[str, int]
) -> None:
    """Take the last `tail` records of each partition into `newest`."""
    consumer.assign(partitions)
    begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    for partition in partitions:
        consumer.seek(partition, max(begins[partition], ends[partition] - tail))
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for records in consumer.poll(timeout_ms=1000).values():
            for record in records:
                try:
                    frame = tick.decode(record.value or b"")
                except SkipRecord:
                    continue
                if is_reference(frame.source):
                    continue  # published as a whole whenever it changes
                if frame.source != feed:
                    raise FixAndRestart(
                        f"{topics.TICKS}: holds prices of feed {frame.source!r}, asked for {feed!r}; "
                        "use another broker or another --state-dir, feeds are never mixed"
                    )
                for index in frame.restart:
                    # What came before is replaced: if the new past is broken off, it is to be published to its end.
                    newest.pop(frame.symbols[index], None)
                for index, event_ms in zip(frame.symbol, frame.event_ms, strict=True):
                    if event_ms > frame.seen_ms + AHEAD_MS:
                        continue  # the stream has refused it; what comes before it is still to be published
                    symbol = frame.symbols[index]
                    newest[symbol] = max(newest.get(symbol, event_ms), event_ms)


def feed_in_log(consumer: KafkaConsumer) -> str | None:
    """The feed whose prices `market.ticks` holds; None when it is empty."""
    from kafka import TopicPartition

    for number in sorted(consumer.partitions_for_topic(topics.TICKS) or ()):
        partition = TopicPartition(topics.TICKS, number)
        consumer.assign([partition])
        begin, end = (
            consumer.beginning_offsets([partition])[partition],
            consumer.end_offsets([partition])[partition],
        )
        consumer.seek(partition, max(begin, end - STEPS[0]))
        while consumer.position(partition) < end:
            for record in consumer.poll(timeout_ms=1000).get(partition, []):
                try:
                    frame = tick.decode(record.value or b"")
                except SkipRecord:
                    continue
                if not is_reference(frame.source):
                    return frame.source
    return None


def reaches_back(consumer: KafkaConsumer) -> bool:
    """Whether nothing of `market.ticks` has been deleted yet: then it still begins with the history."""
    from kafka import TopicPartition

    numbers = consumer.partitions_for_topic(topics.TICKS) or ()
    begins = consumer.beginning_offsets([TopicPartition(topics.TICKS, number) for number in numbers])
    return not any(begins.values())


def newest_reference(consumer: KafkaConsumer, symbol: str) -> int | None:
    """Event time of a reference series' newest value near the beginning or the end of the log; None if it is neither."""
    from kafka import TopicPartition

    numbers = consumer.partitions_for_topic(topics.TICKS) or ()
    partition = TopicPartition(topics.TICKS, tick.partition_of(symbol, len(numbers)))
    consumer.assign([partition])
    begin = consumer.beginning_offsets([partition])[partition]
    end = consumer.end_offsets([partition])[partition]
    newest: int | None = None
    for start, stop in ((begin, min(end, begin + NEAR)), (max(begin, end - NEAR), end)):
        consumer.seek(partition, start)
        while consumer.position(partition) < stop:
            for record in consumer.poll(timeout_ms=1000).get(partition, []):
                try:
                    frame = tick.decode(record.value or b"")
                except SkipRecord:
                    continue
                if is_reference(frame.source) and symbol in frame.symbols:
                    readable = [at for at in frame.event_ms if at <= frame.seen_ms + AHEAD_MS]
                    newest = max(readable, default=newest)
    return newest
