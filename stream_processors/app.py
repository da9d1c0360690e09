"""The Faust application: one agent on `market.ticks`, two timers, recovery from the changelog."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from typing import Any

import faust
from aiokafka import AIOKafkaProducer
from redis.exceptions import RedisError

from producers import topics
from producers.sessions import nyse
from producers.settings import Settings
from producers.universe import load_universe
from stream_processors.state_version import APP_ID, CHANGELOG, TABLE
from stream_processors.worker import Worker

log = logging.getLogger("stream_processors")

FLUSH_S = 0.02
SNAPSHOT_S = 1.0
REPORT_S = 30.0


def create_app(settings: Settings, log_id: str) -> faust.App:
    """The app. `log_id` identifies the log in fences and snapshots (the topic id of `market.ticks`)."""
    app = faust.App(
        APP_ID,
        broker=[f"kafka://{server.strip()}" for server in settings.kafka_bootstrap_servers.split(",")],
        broker_credentials=_credentials(settings),
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
        broker_heartbeat_interval=settings.kafka_session_s / 5,
        broker_rebalance_timeout=settings.kafka_session_s,
        broker_request_timeout=30.0,
        broker_commit_interval=0.5,
        stream_wait_empty=False,
        web_enabled=False,
        datadir=str(settings.state_dir / "faust"),
    )
    ticks = app.topic(topics.TICKS, key_type=bytes, value_type=bytes)
    table = app.Table(TABLE, key_type=bytes, value_type=bytes, partitions=settings.partitions)
    holder: dict[str, Any] = {}  # made once the event loop runs

    async def save_snapshot(partition: int, entries: dict[bytes, bytes]) -> None:
        producer = holder["producer"]
        sent = [
            await producer.send(CHANGELOG.name, key=key, value=value, partition=partition)
            for key, value in entries.items()
        ]
        for future in sent:
            await future
        for key, value in entries.items():  # so that a partition which comes back is not stale
            table.data[key] = value

    async def worker() -> Worker:
        if "worker" not in holder:
            from stream_processors.sinks import Sinks  # imports feast, seconds

            producer = AIOKafkaProducer(
                bootstrap_servers=settings.kafka_bootstrap_servers,
                acks="all",  # idempotence would add nothing: keys, fences and upserts absorb a repeat
                linger_ms=2,
                **_security(settings),
            )
            await producer.start()
            holder["producer"] = producer
            sinks = Sinks(settings, producer)
            universe = load_universe(settings.universe_file)
            holder["worker"] = Worker(
                universe, nyse(), sinks, log_id, lambda: list(table.data.items()), save_snapshot
            )
        result: Worker = holder["worker"]
        return result

    @app.agent(ticks)  # type: ignore[untyped-decorator]  # faust ships no types
    async def consume(stream: Any) -> None:
        own = await worker()
        async for event in stream.noack().events():
            message = event.message
            back_to = await own.apply(message.partition, message.offset, event.value, event)
            if back_to is not None:
                # Faust drops what it has fetched while it recovers, and returns to the committed offset only
                # where there is one.
                await app.consumer.seek(message.tp, back_to)

    @app.on_partitions_revoked.connect  # type: ignore[untyped-decorator]
    async def revoked(_: Any, revoked: Any = (), **__: Any) -> None:
        if "worker" in holder:
            holder["worker"].forget({tp.partition for tp in revoked if tp.topic == topics.TICKS})

    @app.task  # type: ignore[untyped-decorator]
    async def flush_and_snapshot() -> None:
        own = await worker()
        loop = asyncio.get_running_loop()
        snapshot_at, problem_since = loop.time() + SNAPSHOT_S, 0.0
        while not app.should_stop:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(own.snapshot_due.wait(), FLUSH_S)
            try:
                if own.snapshot_due.is_set() or loop.time() >= snapshot_at:
                    await own.snapshot()
                    snapshot_at = loop.time() + SNAPSHOT_S
                else:
                    await own.flush()
                if problem_since:
                    log.info("the online store answers again after %.0f s", loop.time() - problem_since)
                    problem_since = 0.0
            except (RedisError, OSError) as error:
                # Rows stay dirty and records unacknowledged; nothing is lost while we wait.
                if not problem_since:
                    problem_since = loop.time()
                    log.warning("cannot write features, trying again: %s", error)
                await asyncio.sleep(0.5)

    @app.timer(REPORT_S)  # type: ignore[untyped-decorator]
    async def report() -> None:
        if "worker" in holder:
            count = holder["worker"].count
            log.info(
                "%d ticks in %d records, %d rows online, %d snapshots, %d duplicates, %d dead letters",
                count.ticks, count.records, count.online_rows, count.snapshots, count.duplicates, count.dead,
            )  # fmt: skip

    return app


def _security(settings: Settings) -> dict[str, Any]:
    """aiokafka's names for the broker's security settings."""
    protocol = settings.kafka_security_protocol
    options: dict[str, Any] = {"security_protocol": protocol}
    if protocol.endswith("SSL"):
        options["ssl_context"] = ssl.create_default_context(cafile=settings.kafka_ca_file)
    if protocol.startswith("SASL_"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_username
        password = settings.kafka_password
        options["sasl_plain_password"] = password.get_secret_value() if password else None
    return options


def _credentials(settings: Settings) -> Any:
    """Faust's form of the broker's security settings; None for plain text."""
    options = _security(settings)
    if options["security_protocol"] == "PLAINTEXT":
        return None
    if options["security_protocol"] == "SSL":
        return faust.SSLCredentials(context=options["ssl_context"])
    return faust.SASLCredentials(
        username=options["sasl_plain_username"],
        password=options["sasl_plain_password"],
        mechanism=options["sasl_mechanism"],
        ssl_context=options.get("ssl_context"),
    )
