"""When a worker writes: as soon as something moved, and a snapshot now and then."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from stream_processors.watchdog import Watchdog
from stream_processors.worker import Worker

log = logging.getLogger("stream_processors")

FLUSH_GAP_S = 0.005  # what moves within it goes in one write
IDLE_S = 0.2
RETRY_S = 0.5


class Writing:
    """The one task of a process that writes."""

    def __init__(self, worker: Worker, watchdog: Watchdog) -> None:
        self._worker, self._watchdog = worker, watchdog

    async def run(self, stopped: Callable[[], bool]) -> None:
        """Until `stopped`. A store that is away is waited for; nothing is lost meanwhile."""
        worker, loop = self._worker, asyncio.get_running_loop()
        snapshot_at = loop.time() + worker.snapshot_interval_s
        away_since: float | None = None
        while not stopped():
            self._watchdog.beat(excused=away_since is not None)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(worker.moved.wait(), IDLE_S)
            started = loop.time()
            try:
                if worker.snapshot_due.is_set() or started >= snapshot_at:
                    await worker.snapshot()
                    snapshot_at = loop.time() + worker.snapshot_interval_s
                else:
                    await worker.flush()
                if away_since is not None:
                    log.info("writing works again after %.0f s", loop.time() - away_since)
                    away_since = None
            except (RedisError, KafkaError, OSError) as error:
                # Rows stay dirty and records unacknowledged.
                if away_since is None:
                    away_since = loop.time()
                    log.warning("cannot write features, trying again: %s", error)
                await asyncio.sleep(RETRY_S)
            # Writing takes at most half of the time: applying ticks must not starve.
            await asyncio.sleep(max(FLUSH_GAP_S, loop.time() - started))
