"""Records of market.ticks that no worker has acknowledged yet."""

from __future__ import annotations

from launcher.topic_reader import consumer
from producers import topics
from producers.settings import Settings
from tests.chaos.group import Group


class Lag:
    """Of one thread: it has connections of its own, which are kept."""

    def __init__(self, settings: Settings, partitions: int) -> None:
        from kafka import TopicPartition

        self._group, self._consumer = Group(settings), consumer(settings)
        self._partitions = [TopicPartition(topics.TICKS, number) for number in range(partitions)]

    def __call__(self) -> int | None:
        """How many; None when the broker cannot say."""
        from kafka.errors import KafkaError

        try:
            ends = self._consumer.end_offsets(self._partitions)
        except KafkaError:
            return None
        return self._group.behind({one.partition: end for one, end in ends.items()})

    def close(self) -> None:
        self._group.close()
        self._consumer.close()
