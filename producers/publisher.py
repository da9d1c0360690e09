"""Packing ticks into frames and sending them to Kafka.

Every frame of a partition is sent in order and acknowledged by all replicas; kafka-python's idempotent
producer keeps retries from duplicating or reordering them. At most MAX_IN_FLIGHT frames wait for their
acknowledgement: when the broker is away the feed waits too. A frame that is refused after all ends the
producer; its successor resumes from what is in the log.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from producers import tick, topics
from producers.errors import TryAgain
from producers.tick import MAX_TICKS, TickFrame, partition_of
from producers.tick_batch import TickBatch

if TYPE_CHECKING:
    from kafka import KafkaProducer

MAX_IN_FLIGHT = 2_000  # frames
DELIVERY_S = 24 * 3600.0  # how long a frame is tried; until then the feed waits


def new_epoch() -> str:
    """Identity of one producer run: sortable by time, unique without coordination."""
    return f"{int(time.time() * 1000):012x}{secrets.token_hex(4)}"


class Framer:
    """Turns batches into frames per partition with gapless sequence numbers."""

    def __init__(self, source: str, partitions: int, epoch: str) -> None:
        self._source, self._partitions, self._epoch = source, partitions, epoch
        self._seq = [0] * partitions
        self._partition: dict[str, int] = {}

    def frames(self, ticks: TickBatch, seen_ms: int, history: bool) -> Iterator[tuple[int, TickFrame]]:
        """(partition, frame) of a batch; at most MAX_TICKS ticks each, order kept per partition."""
        symbols, index = np.unique(ticks.symbol, return_inverse=True)
        names = [str(name) for name in symbols]
        owner = np.array([self._owner(name) for name in names])
        for partition in np.unique(owner[index]):
            chosen = np.flatnonzero(owner[index] == partition)
            for start in range(0, len(chosen), MAX_TICKS):
                part = chosen[start : start + MAX_TICKS]
                used, local = np.unique(index[part], return_inverse=True)
                yield (
                    int(partition),
                    TickFrame(
                        source=self._source,
                        epoch=self._epoch,
                        seq=self._seq[partition],
                        seen_ms=seen_ms,
                        symbols=[names[position] for position in used],
                        symbol=local.tolist(),
                        event_ms=ticks.event_ms[part].tolist(),
                        price=ticks.price[part].tolist(),
                        history=history,
                    ),
                )
                self._seq[partition] += 1

    def _owner(self, symbol: str) -> int:
        if symbol not in self._partition:
            self._partition[symbol] = partition_of(symbol, self._partitions)
        return self._partition[symbol]


class Publisher:
    """Sends frames; `sent` counts ticks."""

    def __init__(self, kafka: KafkaProducer, framer: Framer) -> None:
        self._kafka, self._framer = kafka, framer
        self._waiting: deque[Any] = deque()
        self.sent = 0

    def publish(self, ticks: TickBatch, history: bool = False) -> None:
        """Send a batch; returns once it is in the producer's buffer.

        Raises TryAgain when the broker has refused a frame or did not answer for DELIVERY_S.
        """
        seen_ms = int(time.time() * 1000)
        for partition, frame in self._framer.frames(ticks, seen_ms, history):
            while self._waiting and (self._waiting[0].is_done or len(self._waiting) >= MAX_IN_FLIGHT):
                self._settle(self._waiting.popleft())
            self._waiting.append(
                self._kafka.send(
                    topics.TICKS,
                    value=tick.encode(frame),
                    partition=partition,
                    headers=topics.schema_header(tick.SCHEMA),
                )
            )
            self.sent += len(frame.symbol)

    def flush(self) -> None:
        """Wait until everything sent is acknowledged. Raises TryAgain as `publish` does."""
        self._kafka.flush()
        while self._waiting:
            self._settle(self._waiting.popleft())

    @staticmethod
    def _settle(future: Any) -> None:
        from kafka.errors import KafkaError

        try:
            future.get(timeout=DELIVERY_S)
        except KafkaError as error:
            raise TryAgain(f"{topics.TICKS}: a frame was not accepted: {error}") from error
