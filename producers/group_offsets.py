"""How far a consumer group has come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def committed(admin: Any, group: str, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """Next offsets that a group has committed; partitions without a commit are left out.

    Raises KafkaError while the broker cannot say, as in the first seconds after its start.
    """
    from kafka import TopicPartition

    wanted = [TopicPartition(topic, number) for number in partitions]
    held = admin.list_group_offsets({group: wanted})[group] if wanted else {}
    return {one.partition: at.offset for one, at in held.items() if at.offset >= 0}
