"""The real outputs of a worker: Kafka by aiokafka, Redis by Feast's layout, Parquet files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from aiokafka import AIOKafkaProducer

from feature_repo.features import PROVENANCE, WARM_SESSIONS, spec_hash
from feature_repo.offline_sink import to_table, upsert
from feature_repo.online_rows import OnlineRows
from feature_repo.online_store import FencedRedisOnlineStore
from feature_repo.store import load_config
from producers import metrics
from producers.settings import Settings
from stream_processors.dead_letters import Record
from stream_processors.partition import Final


class Sinks:
    """Passes the same contract as the test double beside the worker's tests."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._config = load_config(settings)
        self._online = FencedRedisOnlineStore()
        self._offline = offline_writer(settings.offline_dir)
        # Arrow keeps memory for each thread that it worked in: with many of them a worker grows with every session.
        self._offline_thread = ThreadPoolExecutor(1, thread_name_prefix="offline")

    async def send(self, records: Iterable[Record]) -> None:
        sent: list[asyncio.Future[Any]] = [
            await self._producer.send(
                record.topic,
                value=record.value,
                key=record.key,
                partition=record.partition,
                headers=record.headers,
            )
            for record in records
        ]
        for future in sent:
            await future

    async def write_online(self, batches: Sequence[OnlineRows]) -> int:
        with metrics.ONLINE_WRITE.time():
            return int(await in_thread(None, self._online.write_rows, self._config, batches))

    async def write_offline(self, partition: int, finals: list[Final]) -> None:
        if finals:
            with metrics.OFFLINE_WRITE.time():
                await in_thread(self._offline_thread, self._offline, partition, finals)


def offline_writer(folder: Path) -> Callable[[int, list[Final]], None]:
    """A function that upserts finals of one partition into the offline store (blocking)."""

    def write(number: int, finals: list[Final]) -> None:
        bars = [final.bar for final in finals]
        columns: dict[str, list[Any]] = {
            "event_ms": [bar.close_event_ms for bar in bars],
            "seen_ms": [final.seen_ms for final in finals],
            "session_date": [bar.session_date for bar in bars],
            "n_sessions": [final.n_sessions for final in finals],
            "is_warm": [int(final.n_sessions >= WARM_SESSIONS) for final in finals],
            "source_offset": [final.offset for final in finals],
            "feed": [final.feed for final in finals],
            "spec_hash": [spec_hash()] * len(finals),
        }
        table = to_table(
            [bar.symbol for bar in bars],
            np.array([bar.session_close_ms for bar in bars], dtype=np.int64),
            np.array([final.row for final in finals]),
            {feature.name: columns[feature.name] for feature in PROVENANCE},
        )
        upsert(folder, number, table)

    return write


async def in_thread(threads: Executor | None, function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a blocking call beside the event loop: heartbeats and timers must go on. None: the loop's own threads."""
    return await asyncio.get_running_loop().run_in_executor(threads, partial(function, *arguments))
