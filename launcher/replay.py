"""A clean kernel fed from `market.ticks`: what everything derived from the log must be equal to."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from launcher.topic_reader import consumer
from producers import tick, topics
from producers.errors import FixAndRestart, SkipRecord
from producers.group_offsets import committed
from producers.kafka_client import client_config
from producers.sessions import nyse
from producers.settings import Settings
from producers.universe import Universe
from producers.waiting import topic_id, until
from stream_processors.partition import Final, Partition
from stream_processors.state_version import APP_ID, source_log
from stream_processors.worker import check_clock

log = logging.getLogger(__name__)


class Replay:
    """One partition of the log at a time, from its beginning to where it ends now."""

    def __init__(self, settings: Settings, universe: Universe) -> None:
        """Raises FixAndRestart when the log no longer holds its beginning: nothing can be compared then."""
        from kafka import TopicPartition

        self._consumer: Any = consumer(settings)
        self._settings = settings
        self._ticks_id = topic_id(settings, topics.TICKS)
        self._universe = universe
        numbers = sorted(self._consumer.partitions_for_topic(topics.TICKS) or ())
        self._topic = {number: TopicPartition(topics.TICKS, number) for number in numbers}
        begins = self._consumer.beginning_offsets(list(self._topic.values()))
        if gone := [partition.partition for partition, begin in begins.items() if begin > 0]:
            raise FixAndRestart(
                f"{topics.TICKS}: the beginning of partition {', '.join(map(str, gone))} was deleted by retention; "
                "there is nothing to compare with"
            )

    @property
    def partitions(self) -> list[int]:
        """Numbers of the partitions of the log."""
        return list(self._topic)

    def log(self, number: int) -> str:
        """Identity of a partition of the log, as rows and states carry it."""
        return source_log(self._ticks_id, number)

    def end(self, number: int) -> int:
        """Where a partition of the log ends now."""
        topic = self._topic[number]
        return int(self._consumer.end_offsets([topic])[topic])

    def acknowledged(self) -> dict[int, int]:
        """Per partition, how far the workers say that everything has been written; without a word it is left out.

        Raises TryAgain when the broker cannot say for a minute.
        """
        from kafka.admin import KafkaAdminClient

        def ask() -> dict[int, int]:
            with KafkaAdminClient(**client_config(self._settings)) as admin:
                return committed(admin, APP_ID, topics.TICKS, self._topic)

        return until(ask, self._settings, log)

    def run(self, number: int, last: int) -> Iterator[tuple[int, Partition, list[Final]]]:
        """Apply records up to offset `last`; yields each with the state after it and the bars it ended."""
        topic = self._topic[number]
        partition = Partition(number, self.log(number), self._universe, nyse())
        self._consumer.assign([topic])
        self._consumer.seek(topic, 0)
        at = 0
        while at <= last:
            for record in self._consumer.poll(timeout_ms=500).get(topic, []):
                if record.offset > last:
                    return
                finals: list[Final] = []
                with contextlib.suppress(SkipRecord):  # the worker sent it to the dead letters
                    frame = tick.decode(record.value or b"")
                    check_clock(frame, record.timestamp)
                    finals = partition.apply(frame, record.offset).finals
                yield record.offset, partition, finals
                at = record.offset + 1

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()
