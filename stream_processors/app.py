"""The Faust application: one agent on `market.ticks`, recovery from the changelog, and what runs beside it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

import faust
from aiokafka import AIOKafkaProducer

from producers import metrics, topics
from producers.sessions import nyse
from producers.settings import Settings
from producers.universe import load_universe
from stream_processors.gap import fill
from stream_processors.log_range import between
from stream_processors.security import credentials, security
from stream_processors.snapshots import Entries
from stream_processors.state_version import APP_ID, CHANGELOG, TABLE
from stream_processors.watchdog import Watchdog
from stream_processors.worker import Worker
from stream_processors.writing import Writing

log = logging.getLogger("stream_processors")

REPORT_S = 30.0
FETCH_WAIT_MS = 200
BATCH_BYTES = 512 * 1024  # many snapshots of 20 kB go in one request; a record may still have 1 MiB


def create_app(settings: Settings, ticks_id: str) -> faust.App:
    """The app. `ticks_id` is the topic id of `market.ticks`: it identifies the log in fences and snapshots."""
    app = faust.App(
        APP_ID,
        broker=[f"kafka://{server.strip()}" for server in settings.kafka_bootstrap_servers.split(",")],
        broker_credentials=credentials(settings),
        store="memory://",
        topic_partitions=settings.partitions,
        topic_disable_leader=True,
        topic_allow_declare=False,  # created beforehand with the right settings
        key_serializer="raw",
        value_serializer="raw",
        # Exactly-once in Faust crashes and duplicates on rebalances; results are idempotent instead.
        processing_guarantee="at_least_once",
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=settings.kafka_session_s,
        # Its answer is how a worker learns that partitions move, which stand still until then.
        broker_heartbeat_interval=settings.kafka_session_s / 12,
        broker_rebalance_timeout=settings.kafka_session_s,
        broker_request_timeout=30.0,
        broker_commit_interval=0.5,
        stream_wait_empty=False,
        web_enabled=False,
        datadir=str(settings.state_dir / "faust"),
    )
    ticks = app.topic(topics.TICKS, key_type=bytes, value_type=bytes)
    table = app.Table(TABLE, key_type=bytes, value_type=bytes, partitions=settings.partitions)
    running = _Running(settings, ticks_id, table)
    read = partial(between, settings)

    @app.agent(ticks)
    async def consume(stream: Any) -> None:
        worker = await running.worker()
        async for event in stream.noack().events():
            message, value = event.message, event.value
            # The event is held until its effect is durable; its bytes need not be.
            event.value = message.value = None
            if not worker.is_open(message.partition) and message.tp not in app.consumer.assignment():
                continue  # read before the partition moved; its owner reads it again
            if not await fill(worker, app.consumer, message.tp, message.offset, read):
                continue  # the partition moved meanwhile
            await worker.apply(message.partition, message.offset, value, int(message.timestamp * 1000), event)

    @app.on_partitions_assigned.connect
    async def assigned(_: Any, assigned: Any = (), **__: Any) -> None:
        running.watchdog.owned = _ticks_of(assigned)
        _wait_less(app.consumer)

    @app.on_partitions_revoked.connect
    async def revoked(_: Any, revoked: Any = (), **__: Any) -> None:
        running.watchdog.owned = running.watchdog.owned - _ticks_of(revoked)  # another thread reads it
        await running.forget(_ticks_of(revoked))

    @app.task
    async def write() -> None:
        writing = Writing(await running.worker(), running.watchdog)
        running.watchdog.start()
        metrics.READY.labels("worker").set(1)  # the group is joined and the state of its partitions recovered
        await writing.run(lambda: app.should_stop)

    @app.timer(REPORT_S)
    async def report() -> None:
        count = (await running.worker()).count
        log.info(
            "%d ticks in %d records, %d rows online, %d snapshots, %d duplicates, %d dead letters",
            count.ticks, count.records, count.online_rows, count.snapshots, count.duplicates, count.dead,
        )  # fmt: skip

    return app


def _wait_less(consumer: Any) -> None:
    """Shorten how long the broker holds a fetch that finds nothing.

    Faust sets a second and a half and offers no setting. The broker answers a connection's requests one after the
    other, so after a rebalance both the end of the recovery and the first ticks would wait for that long.
    """
    consumer._thread._ensure_consumer()._fetcher._fetch_max_wait_ms = FETCH_WAIT_MS


class _Running:
    """What can only be made once the event loop runs."""

    def __init__(self, settings: Settings, ticks_id: str, table: Any) -> None:
        self._settings, self._ticks_id, self._table = settings, ticks_id, table
        self._producer: Any = None
        self._worker: Worker | None = None
        self._making = asyncio.Lock()
        self.watchdog = Watchdog(settings)

    async def worker(self) -> Worker:
        """The worker of this process, once it can write."""
        async with self._making:
            if self._worker is None:
                self._worker = await self._make()
            return self._worker

    async def _make(self) -> Worker:
        # Imports feast, seconds. In a thread the group would be joined meanwhile, but Faust then drops the first
        # records, which an agent that is not ready cannot take.
        from stream_processors.sinks import Sinks

        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka_bootstrap_servers,
            acks="all",  # idempotence would add nothing: keys, fences and upserts absorb a repeat
            linger_ms=2,
            max_batch_size=BATCH_BYTES,
            **security(self._settings),
        )
        worker = Worker(
            load_universe(self._settings.universe_file),
            nyse(),
            Sinks(self._settings, self._producer),
            self._ticks_id,
            lambda: list(self._table.data.items()),
            self._save_snapshot,
        )
        await self._producer.start()
        return worker

    async def forget(self, partitions: Iterable[int]) -> None:
        """Let go of partitions that were taken away."""
        if self._worker is not None:
            self._worker.forget(partitions)

    async def _save_snapshot(self, partition: int, entries: Entries) -> None:
        sent = [
            await self._producer.send(CHANGELOG.name, key=key, value=value, partition=partition)
            for key, value in entries.items()
        ]
        for future in sent:
            await future
        for key, value in entries.items():  # so that a partition which comes back is not stale
            if value is None:
                self._table.data.pop(key, None)
            else:
                self._table.data[key] = value


def _ticks_of(topic_partitions: Iterable[Any]) -> set[int]:
    return {one.partition for one in topic_partitions if one.topic == topics.TICKS}
