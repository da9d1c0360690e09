"""Publishing a market at a steady rate, remembering every record and where in the log it was put."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

from producers import tick, topics
from producers.kafka_client import client_config
from producers.publisher import DELIVERY_S, MAX_IN_FLIGHT
from producers.settings import Settings
from tests.chaos.market import Market, Sent

STEP_S = 0.04


class Load:
    """A producer in a thread. A broker that is away makes it wait, as it does the real one."""

    def __init__(self, settings: Settings, market: Market) -> None:
        from kafka import KafkaProducer

        self._producer = KafkaProducer(
            **client_config(settings), linger_ms=5, delivery_timeout_ms=int(DELIVERY_S * 1000)
        )
        self._market = market
        self._sent: list[tuple[Sent, Any]] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def start(self) -> None:
        """Publish until `settle`, if it does not already."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        due = time.monotonic()
        try:
            while not self._stopping.wait(max(0.0, due - time.monotonic())):
                due = max(due, time.monotonic() - 1.0) + STEP_S  # never more than a second of arrears
                self._publish(self._market.step(_now_ms()))
        except Exception as error:
            self._error = error

    def _publish(self, records: Iterable[Sent]) -> None:
        for sent in records:
            if len(self._sent) >= MAX_IN_FLIGHT:
                self._sent[-MAX_IN_FLIGHT][1].get(timeout=DELIVERY_S)
            future = self._producer.send(
                topics.TICKS,
                value=sent.value,
                partition=sent.partition,
                headers=topics.schema_header(tick.SCHEMA),
            )
            self._sent.append((sent, future))

    @property
    def records(self) -> int:
        """How many were handed to the producer so far."""
        return len(self._sent)

    def settle(self) -> dict[tuple[int, int], Sent]:
        """Stop, close every session, and return all records ever sent by partition and offset, in order."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        if self._error:
            raise self._error
        self._publish(self._market.close(_now_ms()))
        self._producer.flush()
        placed = {
            (sent.partition, future.get(timeout=DELIVERY_S).offset): sent for sent, future in self._sent
        }
        assert len(placed) == len(self._sent)
        return dict(sorted(placed.items(), key=lambda item: item[0]))

    def close(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._producer.close()


def _now_ms() -> int:
    return int(time.time() * 1000)
