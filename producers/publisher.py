"""Packing ticks into frames and sending them to Kafka.

Every frame of a partition is sent in order and acknowledged by all replicas; kafka-python's idempotent
producer keeps retries from duplicating or reordering them. When the broker is away, `send` blocks at the
buffer limit, so nothing is dropped: the feed waits.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from producers import tick, topics
from producers.tick import MAX_TICKS, TickFrame, partition_of
from producers.tick_batch import TickBatch

if TYPE_CHECKING:
    from kafka import KafkaProducer

log = logging.getLogger(__name__)


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
    """Sends frames. `sent` counts ticks, `ends` holds the next offset per partition."""

    def __init__(self, kafka: KafkaProducer, framer: Framer) -> None:
        self._kafka, self._framer = kafka, framer
        self.sent = 0
        self.ends: dict[int, int] = {}

    def publish(self, ticks: TickBatch, history: bool = False) -> None:
        """Send a batch; returns once it is in the producer's buffer."""
        seen_ms = int(time.time() * 1000)
        for partition, frame in self._framer.frames(ticks, seen_ms, history):
            future = self._kafka.send(
                topics.TICKS,
                value=tick.encode(frame),
                partition=partition,
                headers=topics.schema_header(tick.SCHEMA),
            )
            future.add_callback(self._sent)
            future.add_errback(lambda error: log.error("a tick frame was not accepted: %s", error))
            self.sent += len(frame.symbol)

    def flush(self) -> None:
        """Wait until everything sent is acknowledged."""
        self._kafka.flush()

    def _sent(self, metadata: Any) -> None:
        self.ends[metadata.partition] = max(self.ends.get(metadata.partition, 0), metadata.offset + 1)
