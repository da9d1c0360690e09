"""The workers' consumer group, as the broker sees it: who owns what, and how far they are behind."""

from __future__ import annotations

from typing import Any

from producers import topics
from producers.kafka_client import client_config
from producers.settings import Settings
from stream_processors.state_version import APP_ID


def owners(settings: Settings) -> list[set[int]]:
    """Partitions of `market.ticks` of each member; nothing while the group or the broker is in motion."""
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError

    try:
        with KafkaAdminClient(**client_config(settings)) as admin:
            group = admin.describe_groups([APP_ID])[APP_ID]
    except KafkaError:
        return []
    if group["group_state"] != "Stable":
        return []
    return [_ticks_of(member["member_assignment"]) for member in group["members"]]


def _ticks_of(assignment: Any) -> set[int]:
    assigned = assignment["assigned_partitions"] if assignment else []
    return {number for one in assigned if one["topic"] == topics.TICKS for number in one["partitions"]}


def log_ends(settings: Settings, partitions: int) -> dict[int, int]:
    """Next offset of each partition of `market.ticks`."""
    from kafka import KafkaConsumer, TopicPartition

    every = [TopicPartition(topics.TICKS, number) for number in range(partitions)]
    with KafkaConsumer(**client_config(settings), group_id=None) as reader:
        return {one.partition: end for one, end in reader.end_offsets(every).items()}


def behind(settings: Settings, ends: dict[int, int]) -> int | None:
    """Records before `ends` that the group has not acknowledged; None when the broker cannot say."""
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError

    try:
        with KafkaAdminClient(**client_config(settings)) as admin:
            held = admin.list_group_offsets({APP_ID: None})[APP_ID]
    except KafkaError:
        return None
    committed = {one.partition: at.offset for one, at in held.items() if one.topic == topics.TICKS}
    return sum(max(0, end - committed.get(number, 0)) for number, end in ends.items())
