"""The real outputs of a worker: Kafka by aiokafka, Redis by Feast's layout, Parquet files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer

from feature_repo.online_store import FencedRedisOnlineStore
from feature_repo.online_store_row import OnlineRow
from feature_repo.store import load_config
from producers.settings import Settings
from stream_processors.dead_letters import Record
from stream_processors.partition import Final
from stream_processors.worker import in_thread, offline_writer


class Sinks:
    """Passes the same contract as the test double beside the worker's tests."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._config = load_config(settings)
        self._online = FencedRedisOnlineStore()
        self._offline = offline_writer(settings.offline_dir)

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

    async def write_online(self, rows: list[OnlineRow]) -> int:
        return int(await in_thread(self._online.write_rows, self._config, rows))

    async def write_offline(self, partition: int, finals: list[Final]) -> None:
        if finals:
            await in_thread(self._offline, partition, finals)
