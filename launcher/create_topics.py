"""Create every topic of the contract, once, whoever comes first."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from producers import topics
from producers.broker_access import missing_permission, reach, refusals
from producers.errors import FixAndRestart, TryAgain
from producers.kafka_client import client_config
from producers.settings import Settings
from stream_processors.state_version import CHANGELOG  # Faust would create it with its own idea of partitions

WAIT_S = 60.0
NOT_AUTHORISED = (29, 31)  # a topic, the cluster


def wait_for_broker(
    settings: Settings, deadline_s: float = WAIT_S, say: Callable[[str], None] | None = None
) -> None:
    """Return as soon as one of the bootstrap servers accepts a connection.

    say : gets one sentence when waiting takes longer than two seconds.
    Raises TryAgain after `deadline_s` seconds, FixAndRestart when its certificate is not accepted.
    """
    started = time.monotonic()
    told = False
    while True:
        try:
            return reach(settings)
        except TryAgain as error:
            reason = str(error)
        waited_s = time.monotonic() - started
        if waited_s >= deadline_s:
            raise TryAgain(f"{reason} after {waited_s:.0f} s: is it running?")
        if waited_s > 2 and say is not None and not told:
            say(f"waiting for Kafka at {settings.kafka_bootstrap_servers}")
            told = True
        time.sleep(0.1)


def ensure_topics(
    settings: Settings, deadline_s: float = WAIT_S, say: Callable[[str], None] | None = None
) -> list[str]:
    """Create the topics that are missing and return their names; those that exist are left as they are.

    Raises TryAgain when the broker does not answer, FixAndRestart when it refuses our login or lacks an ACL.
    """
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError

    wait_for_broker(settings, deadline_s, say)
    wanted = {topic.name: topic for topic in (*topics.ALL, CHANGELOG)}
    bootstrap_ms = max(1000, int(deadline_s * 1000))
    try:
        with (
            refusals(settings),
            KafkaAdminClient(**client_config(settings), bootstrap_timeout_ms=bootstrap_ms) as admin,
        ):
            missing = sorted(wanted.keys() - set(admin.list_topics()))
            if not missing:
                return []
            request = {name: _declaration(wanted[name], settings) for name in missing}
            answer = admin.create_topics(request, raise_errors=False)
            created = [topic["name"] for topic in answer["topics"] if topic["error_code"] == 0]
            # 36 is TOPIC_ALREADY_EXISTS: another process created it after we looked, which is just as good.
            refused = [topic for topic in answer["topics"] if topic["error_code"] not in (0, 36)]
            if refused:
                why = "; ".join(
                    f"{one['name']}: {one['error_message'] or one['error_code']}" for one in refused
                )
                if any(one["error_code"] in NOT_AUTHORISED for one in refused):
                    raise FixAndRestart(missing_permission(settings, f"to create topics ({why})"))
                raise TryAgain(f"Kafka refused to create topics: {why}")
            admin.wait_for_topics(missing)
            return created
    except KafkaError as error:
        raise TryAgain(f"Kafka at {settings.kafka_bootstrap_servers}: {error}") from error


def _declaration(topic: topics.Topic, settings: Settings) -> dict[str, Any]:
    return {
        "num_partitions": settings.partitions if topic.per_symbol else 1,
        "replication_factor": settings.replication,
        "configs": topic.config(),
    }
