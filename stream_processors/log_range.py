"""Reading a range of `market.ticks` directly, beside Faust's consumer and without a group."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from producers import topics
from producers.settings import Settings
from stream_processors.security import security


async def between(settings: Settings, partition: int, start: int, stop: int) -> AsyncGenerator[Any, None]:
    """Records from offset `start` to before `stop`, in order; those that retention has deleted are missing."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **security(settings),
    )
    await consumer.start()
    try:
        topic = TopicPartition(topics.TICKS, partition)
        consumer.assign([topic])
        consumer.seek(topic, start)
        while await consumer.position(topic) < stop:
            for record in (await consumer.getmany(topic, timeout_ms=500)).get(topic, []):
                if record.offset < stop:
                    yield record
    finally:
        await consumer.stop()
