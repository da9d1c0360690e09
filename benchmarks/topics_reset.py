"""Back to the beginning between two runs: empty topics and groups without offsets."""

from __future__ import annotations

import time

from launcher.create_topics import ensure_topics
from producers.errors import TryAgain
from producers.kafka_client import client_config
from producers.settings import Settings

DEADLINE_S = 30.0


def empty_topic(settings: Settings, name: str) -> None:
    """Delete a topic and create it anew; offsets start at 0 and it has another id."""
    from kafka.admin import KafkaAdminClient

    with KafkaAdminClient(**client_config(settings)) as admin:
        if name in admin.list_topics():
            admin.delete_topics([name])
    ensure_topics(settings)


def forget_group(settings: Settings, group: str) -> None:
    """Delete a consumer group once its last member has left.

    Raises TryAgain when a member stays.
    """
    from kafka.admin import KafkaAdminClient

    deadline = time.monotonic() + DEADLINE_S
    with KafkaAdminClient(**client_config(settings)) as admin:
        while group in {one["group_id"] for one in admin.list_groups()}:
            if admin.delete_groups([group]).get(group) == "OK":
                return
            if time.monotonic() > deadline:
                raise TryAgain(f"consumer group {group} still has members after {DEADLINE_S:.0f} s")
            time.sleep(0.1)
