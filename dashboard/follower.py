"""One background thread that reads topics from their beginning for as long as the page runs, whatever the broker does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from producers.errors import TryAgain

log = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 15.0
POLL_MS = 500
ALIVE_EVERY_POLLS = 10


class Listener(Protocol):
    """Who is told; all three in the follower's thread."""

    def absorb(self, topic: str, raw: bytes | None) -> None:
        """One record. Reading a topic again from its start must be harmless."""

    def polled(self, consumer: Any) -> None:
        """After every poll, also one that found nothing: the broker answers."""

    def away(self, why: str) -> None:
        """The broker does not answer or has no such topics yet; it is tried again."""


class Follower:
    """Reads without a consumer group: every page reads everything."""

    def __init__(
        self, name: str, config: Mapping[str, Any], topics: Sequence[str], listener: Listener
    ) -> None:
        """config : keyword arguments for kafka-python's clients (servers, security)."""
        self._config, self._topics, self._listener = dict(config), topics, listener
        self._following = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end and wait for it."""
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        wait_s, said = FIRST_WAIT_S, ""
        while not self._stop.is_set():
            try:
                self._follow()
            except Exception as error:  # whatever the client raises, the page must go on and say so
                wait_s = FIRST_WAIT_S if self._following else min(wait_s * 2, LONGEST_WAIT_S)
                why = f"{error}"
                if self._following or why != said:
                    log.warning("%s: %s. Trying again.", self._thread.name, why)
                self._following, said = False, why
                self._listener.away(why)
                self._stop.wait(wait_s)

    def _follow(self) -> None:
        """Read until told to stop. Raises when the broker is away or has no such topics yet."""
        from kafka import KafkaConsumer, TopicPartition

        consumer: Any = KafkaConsumer(
            **self._config,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # also when the broker restarted empty and our offset is gone
            allow_auto_create_topics=False,
            max_poll_records=2_000,
        )
        try:
            partitions = []
            for topic in self._topics:
                numbers = consumer.partitions_for_topic(topic)
                if not numbers:
                    raise TryAgain(f"topic {topic} does not exist yet")
                partitions += [TopicPartition(topic, number) for number in sorted(numbers)]
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            polls = 0
            while not self._stop.is_set():
                if polls % ALIVE_EVERY_POLLS == 0:  # poll() itself stays silent when the broker is gone
                    consumer.end_offsets(partitions, timeout_ms=5000)
                polls += 1
                for partition, records in consumer.poll(timeout_ms=POLL_MS).items():
                    for record in records:
                        self._listener.absorb(partition.topic, record.value)
                self._following = True
                self._listener.polled(consumer)
        finally:
            consumer.close()
