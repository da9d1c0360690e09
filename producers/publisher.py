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
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from producers import metrics, tick, topics
from producers.errors import FixAndRestart, TryAgain
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

    def __init__(self, source: str, partitions: int, epoch: str, frame_ticks: int = MAX_TICKS) -> None:
        self._source, self._epoch, self._frame_ticks = source, epoch, frame_ticks
        self._seq = [0] * partitions
        self._code: dict[str, int] = {}  # symbol -> position in the two lists below
        self._names: list[str] = []
        self._owner: list[int] = []

    def frames(self, ticks: TickBatch, seen_ms: int, history: bool) -> Iterator[tuple[int, TickFrame]]:
        """(partition, frame) of a batch; at most `frame_ticks` ticks each, order kept per partition."""
        code = self._codes(ticks.symbol)
        begun: set[int] = set()  # symbols of a whole history whose first tick has gone by
        owner = np.array(self._owner)[code]
        order = np.argsort(owner, kind="stable")
        ends = np.searchsorted(owner[order], np.arange(len(self._seq)), side="right").tolist()
        for partition, (begin, end) in enumerate(pairwise([0, *ends])):
            for start in range(begin, end, self._frame_ticks):
                part = order[start : min(start + self._frame_ticks, end)]
                used, local = np.unique(code[part], return_inverse=True)
                restart: list[int] = []
                if ticks.whole:
                    restart = [at for at, symbol in enumerate(used.tolist()) if symbol not in begun]
                    begun.update(used.tolist())
                frame = TickFrame(
                    source=self._source,
                    epoch=self._epoch,
                    seq=self._seq[partition],
                    seen_ms=seen_ms,
                    symbols=[self._names[position] for position in used.tolist()],
                    symbol=local.tolist(),
                    event_ms=ticks.event_ms[part].tolist(),
                    price=ticks.price[part].tolist(),
                    size=None if ticks.size is None else ticks.size[part].tolist(),
                    history=history,
                    settled=ticks.settled,
                    restart=restart,
                    marks=None if ticks.mark is None else ticks.mark[part].tolist(),
                )
                self._seq[partition] += 1
                yield partition, frame

    def _codes(self, symbols: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
        # A dictionary and not numpy.unique: sorting strings was two thirds of a producer's time.
        names = symbols.tolist()
        for name in set(names) - self._code.keys():
            self._code[name] = len(self._names)
            self._names.append(name)
            self._owner.append(partition_of(name, len(self._seq)))
        return np.fromiter(map(self._code.__getitem__, names), dtype=np.int64, count=len(names))


class Publisher:
    """Sends frames; `sent` counts ticks."""

    def __init__(self, kafka: KafkaProducer, framer: Framer) -> None:
        self._kafka, self._framer = kafka, framer
        self._waiting: deque[tuple[float, Any]] = deque()  # when it was sent, future
        self.sent = 0

    def watched(self) -> Publisher:
        """Itself, as the one whose progress the process's metrics and its health check show."""
        metrics.FRAMES_WAITING.set_function(lambda: len(self._waiting))
        metrics.PROGRESS.labels("producer").set_function(self._progress_s)
        return self

    def publish(self, ticks: TickBatch, history: bool = False) -> None:
        """Send a batch; returns once it is in the producer's buffer.

        Raises TryAgain when the broker has refused a frame or did not answer for DELIVERY_S.
        """
        seen_ms = int(time.time() * 1000)
        for partition, frame in self._framer.frames(ticks, seen_ms, history):
            while self._waiting and (self._waiting[0][1].is_done or len(self._waiting) >= MAX_IN_FLIGHT):
                self._settle(self._waiting.popleft()[1])
            sent = self._kafka.send(
                topics.TICKS,
                value=tick.encode(frame),
                partition=partition,
                headers=topics.schema_header(tick.SCHEMA),
            )
            self._waiting.append((time.time(), sent))
            self.sent += len(frame.symbol)
            metrics.TICKS_PUBLISHED.labels(frame.source).inc(len(frame.symbol))
            metrics.FRAMES_PUBLISHED.labels(frame.source).inc()

    def flush(self) -> None:
        """Wait until everything sent is acknowledged. Raises TryAgain as `publish` does."""
        self._kafka.flush()
        while self._waiting:
            self._settle(self._waiting.popleft()[1])

    def _progress_s(self) -> float:
        """Now while Kafka keeps up or the feed is quiet; otherwise when the frame was sent that waits longest."""
        with suppress(IndexError):  # settled by the other thread meanwhile
            sent_s, future = self._waiting[0]
            if not future.is_done:
                return sent_s
        return time.time()

    @staticmethod
    def _settle(future: Any) -> None:
        from kafka.errors import KafkaError

        try:
            future.get(timeout=DELIVERY_S)
        except KafkaError as error:
            if "AuthorizationFailed" in str(error):  # that of the idempotent producer has no class of its own
                raise FixAndRestart(
                    f"Kafka does not allow us to write: {error}; see deploy/kafka/acls.txt"
                ) from error
            raise TryAgain(f"{topics.TICKS}: a frame was not accepted: {error}") from error
