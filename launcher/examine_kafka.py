"""`allocast doctor` on Kafka: the broker, the topics and their settings, the workers' progress, the clocks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from launcher import run_file
from launcher.finding import Finding, fail, ok, warn
from producers import tick, topics
from producers.broker_access import reach, refusals
from producers.errors import SkipRecord
from producers.kafka_client import client_config
from producers.settings import Settings
from stream_processors.state_version import APP_ID, CHANGELOG

OLDEST_BROKER = (3, 1)  # the first to tell the identity of a topic to its admin clients
LAG_RECORDS = 10_000
SKEW_MS = 1_000
LATE_MS = 60_000  # no frame waits for so long, unless the broker was away
QUIET_S = 900.0
ANSWER_MS = 10_000
CREATE = "run `allocast topics create` with the same environment"


def kafka(settings: Settings) -> Iterator[Finding]:
    """Everything about the broker. Raises FixAndRestart or TryAgain when it cannot be reached at all."""
    from kafka import KafkaConsumer
    from kafka.admin import KafkaAdminClient

    reach(settings)
    config = client_config(settings)
    with (
        refusals(settings),
        KafkaAdminClient(**config, bootstrap_timeout_ms=ANSWER_MS) as admin,
        KafkaConsumer(
            **config, bootstrap_timeout_ms=ANSWER_MS, group_id=None, enable_auto_commit=False
        ) as consumer,
    ):
        yield broker(tuple(admin._manager.broker_version), settings)
        described = {
            one["name"]: one for one in admin.describe_topics([*(t.name for t in topics.ALL), CHANGELOG.name])
        }
        configs = {} if _embedded(settings) else _configs(admin)
        for topic in (*topics.ALL, CHANGELOG):
            yield topic_as_declared(topic, described.get(topic.name), configs.get(topic.name), settings)
        if described.get(topics.TICKS, {}).get("error_code") == 0:
            yield workers(admin, consumer)
            yield from newest_frames(consumer)


def broker(version: tuple[int, ...], settings: Settings) -> Finding:
    """Whether the broker is recent enough.

    >>> broker((2, 8), Settings()).verdict, broker((4, 1), Settings()).verdict
    ('fail', 'ok')
    """
    shown = ".".join(map(str, version))
    if version < OLDEST_BROKER:
        return fail("kafka", f"speaks like version {shown}, 3.1 or newer is needed", "upgrade the broker")
    detail = f"{settings.kafka_bootstrap_servers}, protocol of {shown}, {settings.kafka_security_protocol}"
    if settings.kafka_security_protocol in ("PLAINTEXT", "SASL_PLAINTEXT") and not _local(settings):
        return warn("kafka", f"{detail}: not encrypted", "use a TLS listener: docs/security.md")
    return ok("kafka", detail)


def topic_as_declared(
    topic: topics.Topic,
    described: Mapping[str, Any] | None,
    config: Mapping[str, str] | None,
    settings: Settings,
) -> Finding:
    """Partitions, copies and settings of one topic against the contract; config None: the broker keeps none."""
    name = f"topic {topic.name}"
    if described is None or described["error_code"] != 0:
        return fail(name, "does not exist", CREATE)
    partitions = described["partitions"]
    wanted = settings.partitions if topic.per_symbol else 1
    if len(partitions) != wanted:
        few = len(partitions) < wanted
        return (fail if few or topic.per_symbol else warn)(
            name,
            f"has {len(partitions)} partitions, the setting is {wanted}",
            topics.repair_partitions(len(partitions)),
        )
    copies = min(len(one["replica_nodes"]) for one in partitions)
    behind = [
        one["partition_index"] for one in partitions if len(one["isr_nodes"]) < len(one["replica_nodes"])
    ]
    if behind:
        return warn(name, f"partitions {behind} have copies that are behind", "look at the brokers' logs")
    if copies < settings.replication:
        return warn(
            name,
            f"is kept {copies} times, the setting is {settings.replication}",
            "raise it with kafka-reassign-partitions.sh",
        )
    if config is not None:
        wrong = {key: config.get(key) for key, value in topic.config().items() if config.get(key) != value}
        if wrong:
            return warn(
                name,
                f"has {wrong}, expected {{{', '.join(f'{key}: {topic.config()[key]}' for key in wrong)}}}",
                f"kafka-configs.sh --alter --entity-type topics --entity-name {topic.name} --add-config "
                + ",".join(f"{key}={topic.config()[key]}" for key in wrong),
            )
    return ok(name, f"{len(partitions)} partitions, kept {copies} times")


def workers(admin: Any, consumer: Any) -> Finding:
    """Whether workers share the partitions and keep up."""
    from kafka import TopicPartition
    from kafka.errors import CoordinatorNotAvailableError, NotCoordinatorError

    try:
        members = len(admin.describe_groups([APP_ID])[APP_ID]["members"])
    except (CoordinatorNotAvailableError, NotCoordinatorError):  # of a broker on which no group has been yet
        members = 0
    if not members:
        return fail("workers", "no stream worker is in the group", "start `python -O -m stream_processors`")
    numbers = consumer.partitions_for_topic(topics.TICKS) or ()
    ends = consumer.end_offsets([TopicPartition(topics.TICKS, number) for number in numbers])
    held = {one: at.offset for one, at in admin.list_group_offsets({APP_ID: None})[APP_ID].items()}
    lag = {one.partition: end - max(held.get(one, 0), 0) for one, end in ends.items()}
    detail = f"{members} in the group, {sum(lag.values())} records not acknowledged"
    if max(lag.values(), default=0) > LAG_RECORDS:
        worst = max(lag, key=lambda number: lag[number])
        return warn(
            "workers", f"{detail}, {lag[worst]} of partition {worst}", "start more workers: docs/scale.md"
        )
    return ok("workers", detail)


def newest_frames(consumer: Any) -> Iterator[Finding]:
    """The clocks of producers and broker, and whether prices still come."""
    from kafka import TopicPartition

    numbers = consumer.partitions_for_topic(topics.TICKS) or ()
    partitions = [TopicPartition(topics.TICKS, number) for number in numbers]
    begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    filled = [one for one in partitions if ends[one] > begins[one]]
    if not filled:
        yield warn("newest frame", "no price has been published yet", "start `python -O -m producers`")
        return
    consumer.assign(filled)
    for one in filled:
        consumer.seek(one, ends[one] - 1)
    waiting, newest, sources = set(filled), 0, set()
    ahead, behind = 0, 0  # of the broker's clock, ms
    deadline = time.monotonic() + ANSWER_MS / 1000
    while waiting and time.monotonic() < deadline:
        for partition, records in consumer.poll(timeout_ms=500).items():
            waiting.discard(partition)
            newest = max(newest, records[-1].timestamp)
            try:
                frame = tick.decode(records[-1].value or b"")
            except SkipRecord:
                continue
            ahead = max(ahead, frame.seen_ms - records[-1].timestamp)
            behind = max(behind, records[-1].timestamp - frame.seen_ms)
            sources.add(frame.source)
    now_ms = int(time.time() * 1000)
    yield clock("kafka", newest - now_ms)
    yield clock("producer", -behind if behind > LATE_MS else ahead, exact=behind > LATE_MS)
    age_s = (now_ms - newest) / 1000
    named = ", ".join(sorted(sources)) or "unreadable"
    if age_s > QUIET_S:
        yield warn(
            "newest frame",
            f"{named}: the newest frame is {age_s:.0f} s old",
            "is the market closed? producer's log",
        )
    else:
        yield ok("newest frame", f"{named}: the newest frame is {max(age_s, 0):.0f} s old")


def clock(whose: str, ahead_ms: int, exact: bool = False) -> Finding:
    """A clock that is ahead is seen in what it stamped; one that is behind only looks like age, unless it is `exact`.

    >>> clock("kafka", 30_000).verdict, clock("kafka", -30_000).verdict
    ('fail', 'ok')
    >>> clock("redis", -30_000, exact=True).detail
    '30.0 s behind'
    """
    name = f"clock of {whose}"
    off_ms = abs(ahead_ms) if exact else ahead_ms
    if off_ms > SKEW_MS:
        verdict = fail if off_ms > 5_000 else warn
        word = "ahead" if ahead_ms > 0 else "behind"
        return verdict(name, f"{off_ms / 1000:.1f} s {word}", "synchronise the hosts' clocks: chrony or ntpd")
    return ok(name, "right" if exact else "not ahead")


def _configs(admin: Any) -> dict[str, dict[str, str]]:
    from kafka.admin import ConfigResource, ConfigResourceType

    asked = [ConfigResource(ConfigResourceType.TOPIC, one.name) for one in (*topics.ALL, CHANGELOG)]
    try:
        answer = admin.describe_configs(asked, config_filter="all")
    except Exception:  # of a topic that does not exist: said by its own check
        return {}
    return {
        name: {key: one["value"] for key, one in values.items()}
        for name, values in next(iter(answer.values())).items()
    }


def _embedded(settings: Settings) -> bool:
    run = run_file.read(settings.state_dir)
    return run is not None and run.broker == "embedded"


def _local(settings: Settings) -> bool:
    return all(
        server.strip().startswith(("127.", "localhost:", "[::1]"))
        for server in settings.kafka_bootstrap_servers.split(",")
    )
