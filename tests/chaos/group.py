"""The workers' consumer group, as the broker sees it: who owns what, and how far they are behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from producers import topics
from producers.kafka_client import client_config
from producers.settings import Settings
from stream_processors.state_version import APP_ID

T = TypeVar("T")


class Group:
    """One admin client for all questions; a new one after the broker was away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin: Any = None

    def owners(self) -> list[set[int]]:
        """Partitions of `market.ticks` of each member; nothing while the group or the broker is in motion."""
        group = self._ask(lambda admin: admin.describe_groups([APP_ID])[APP_ID])
        if group is None or group["group_state"] != "Stable":
            return []
        return [_ticks_of(member["member_assignment"]) for member in group["members"]]

    def behind(self, ends: dict[int, int]) -> int | None:
        """Records before `ends` that are not acknowledged; None when the broker cannot say."""
        held = self._ask(lambda admin: admin.list_group_offsets({APP_ID: None})[APP_ID])
        if held is None:
            return None
        committed = {one.partition: at.offset for one, at in held.items() if one.topic == topics.TICKS}
        return sum(max(0, end - committed.get(number, 0)) for number, end in ends.items())

    def _ask(self, question: Callable[[Any], T]) -> T | None:
        from kafka.admin import KafkaAdminClient
        from kafka.errors import KafkaError

        try:
            if self._admin is None:
                self._admin = KafkaAdminClient(**client_config(self._settings))
            return question(self._admin)
        except KafkaError:
            self.close()
            return None

    def close(self) -> None:
        if self._admin is not None:
            self._admin.close()
            self._admin = None


def _ticks_of(assignment: Any) -> set[int]:
    assigned = assignment["assigned_partitions"] if assignment else []
    return {number for one in assigned if one["topic"] == topics.TICKS for number in one["partitions"]}
