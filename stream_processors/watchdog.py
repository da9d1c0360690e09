"""Ends a worker that is alive and does nothing: Faust's consumers have been seen to stall that way for ever.

What counts is the outcome, the acknowledged offset against the end of the log, asked for by a client of its
own in a thread of its own, so that neither a stalled consumer nor a blocked event loop can hide.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from producers import metrics, topics
from producers.kafka_client import client_config
from producers.settings import Settings
from stream_processors.state_version import APP_ID

log = logging.getLogger("stream_processors")

EXIT_CODE = 75  # EX_TEMPFAIL: whoever supervises starts it again


class Progress:
    """Which partitions have been behind for too long without moving.

    >>> progress = Progress(limit_s=60.0)
    >>> progress.stuck(0.0, {3: 10}, {3: 12})
    []
    >>> progress.stuck(59.0, {3: 10}, {3: 500})
    []
    >>> progress.stuck(60.0, {3: 10}, {3: 500})
    [3]
    >>> progress.stuck(61.0, {3: 11}, {3: 500})
    []
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._since: dict[int, tuple[int, float]] = {}  # acknowledged offset, since when it stands there

    def stuck(self, now_s: float, acknowledged: Mapping[int, int], ends: Mapping[int, int]) -> list[int]:
        """Partitions that stand still although the log goes on."""
        behind = {number: at for number, at in acknowledged.items() if at < ends[number]}
        self._since = {
            number: known if (known := self._since.get(number, (-1, now_s)))[0] == at else (at, now_s)
            for number, at in behind.items()
        }
        return [number for number, (_, since) in self._since.items() if now_s - since >= self._limit_s]

    def excuse(self) -> None:
        """Forget how long anything has been standing still: there is a reason outside this process."""
        self._since = {}


class Watchdog:
    """Checks this process from a thread and ends it when it is stuck."""

    def __init__(self, settings: Settings, end: Callable[[int], Any] = os._exit) -> None:
        self._settings, self._end = settings, end
        self._limit_s = settings.stuck_after_s
        self._progress = Progress(self._limit_s)
        self._beat, self._excused = time.monotonic(), False
        self.owned: set[int] = set()

    def beat(self, excused: bool) -> None:
        """The event loop runs. `excused` while it waits for a store that is away."""
        self._beat, self._excused = time.monotonic(), excused
        metrics.progress("worker")

    def start(self) -> None:
        """Check until the process ends."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def _run(self) -> None:
        from kafka import KafkaConsumer

        client: Any = None
        while True:
            time.sleep(self._limit_s / 10)
            silent_s = time.monotonic() - self._beat
            if silent_s >= self._limit_s:
                return self._stop(f"the event loop has not run for {silent_s:.0f} s")
            try:
                if client is None:
                    client = KafkaConsumer(
                        **client_config(self._settings), group_id=APP_ID, enable_auto_commit=False
                    )
                acknowledged, ends = self._positions(client)
            except Exception as error:  # a watchdog that has died watches nothing
                log.warning("cannot tell how far this worker is, trying again: %s", error)
                self._progress.excuse()
                continue
            if self._excused:
                self._progress.excuse()
            elif stuck := self._progress.stuck(time.monotonic(), acknowledged, ends):
                return self._stop(
                    f"{topics.TICKS} {stuck}: nothing was acknowledged for {self._limit_s:.0f} s "
                    "although there is more to read"
                )

    def _positions(self, client: Any) -> tuple[dict[int, int], dict[int, int]]:
        from kafka import TopicPartition

        partitions = [TopicPartition(topics.TICKS, number) for number in sorted(self.owned)]
        if not partitions:
            return {}, {}
        ends = client.end_offsets(partitions)
        acknowledged = {one.partition: client.committed(one) or 0 for one in partitions}
        metrics.LAG.clear()
        for one, end in ends.items():
            metrics.LAG.labels(one.partition).set(max(0, end - acknowledged[one.partition]))
        return acknowledged, {one.partition: end for one, end in ends.items()}

    def _stop(self, reason: str) -> None:
        log.error("%s: this process ends, to be started again", reason)
        logging.shutdown()
        self._end(EXIT_CODE)
