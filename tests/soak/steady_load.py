"""Ticks at a steady rate, by the real publisher."""

from __future__ import annotations

import threading
import time

import numpy as np

from producers.publisher import Publisher
from producers.tick_batch import batch
from tests.stubs import SESSION, close_ms

STEP_S = 0.05
EXCHANGE_MS_PER_S = 600_000


class SteadyLoad:
    """The real publisher in a thread, at a steady rate; exchange time runs 600 times faster than the clock."""

    def __init__(self, publisher: Publisher, symbols: list[str], ticks_per_s: int) -> None:
        self._publisher, self._symbols, self._rate = publisher, np.array(symbols), ticks_per_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._error: Exception | None = None
        self.published = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> int:
        """Ticks that Kafka has acknowledged, all of them."""
        self._stopping.set()
        self._thread.join()
        if self._error:
            raise self._error
        self._publisher.flush()
        return self.published

    def _run(self) -> None:
        rng, count = np.random.default_rng(7), int(self._rate * STEP_S)
        prices = np.full(len(self._symbols), 100.0)
        began = due = time.monotonic()
        try:
            while not self._stopping.wait(max(0.0, due - time.monotonic())):
                due = max(due, time.monotonic() - 1.0) + STEP_S
                event_ms = close_ms(SESSION) + int(EXCHANGE_MS_PER_S * (time.monotonic() - began))
                chosen = rng.integers(len(self._symbols), size=count)
                prices[chosen] *= np.exp(rng.normal(0.0, 1e-4, count))
                times = np.sort(event_ms - rng.integers(0, 3_000, count))
                self._publisher.publish(
                    batch(self._symbols[chosen].tolist(), times.tolist(), prices[chosen].tolist())
                )
                self.published += count
        except Exception as error:
            self._error = error
