"""When a worker writes: as soon as something moved, and a snapshot now and then."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import Awaitable, Callable

from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from producers import metrics
from stream_processors.watchdog import Watchdog
from stream_processors.worker import Worker

log = logging.getLogger("stream_processors")

FLUSH_GAP_S = 0.005  # what moves within it goes in one write
IDLE_S = 0.2
RETRY_S = 0.5
ANNOUNCE_S = 1.0


class Writing:
    """The tasks of a process that write. Each takes its time without holding up the others."""

    def __init__(self, worker: Worker, watchdog: Watchdog) -> None:
        self._worker, self._watchdog = worker, watchdog
        self._away_since: dict[str, float] = {}  # by what is written: one may go on while another cannot

    async def run(self, stopped: Callable[[], bool]) -> None:
        """Until `stopped`. A store that is away is waited for; nothing is lost meanwhile."""
        # What was imported stays: walking through it at every full collection stops the loop for a tenth of a
        # second.
        gc.collect()
        gc.freeze()
        await asyncio.gather(self._flush(stopped), self._snapshot(stopped), self._announce(stopped))

    async def _flush(self, stopped: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        while not stopped():
            self._watchdog.beat(excused=bool(self._away_since))
            await _happens(self._worker.moved, IDLE_S)
            started = loop.time()
            await self._attempt("rows online", self._worker.flush)
            # At most half of the time: applying ticks must not starve.
            await asyncio.sleep(max(FLUSH_GAP_S, loop.time() - started))

    async def _snapshot(self, stopped: Callable[[], bool]) -> None:
        while not stopped():
            await _happens(self._worker.snapshot_due, self._worker.snapshot_interval_s)
            await self._attempt("a snapshot", self._worker.snapshot)

    async def _announce(self, stopped: Callable[[], bool]) -> None:
        while not stopped():
            await asyncio.sleep(ANNOUNCE_S)
            await self._attempt("announcements", self._worker.announce)

    async def _attempt(self, what: str, write: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            await write()
        except (RedisError, KafkaError, OSError) as error:
            # Rows stay dirty and records unacknowledged.
            metrics.WRITE_ERRORS.inc()
            if what not in self._away_since:
                self._away_since[what] = loop.time()
                log.warning("cannot write %s, trying again: %s", what, error)
            await asyncio.sleep(RETRY_S)
        else:
            if what in self._away_since:
                log.info(
                    "writing %s works again after %.0f s", what, loop.time() - self._away_since.pop(what)
                )
                # Redis loses its last second with the machine; a symbol that rests would stay as it was before.
                self._worker.write_all_again()


async def _happens(event: asyncio.Event, timeout_s: float) -> None:
    """Wait for an event, but not longer."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), timeout_s)
