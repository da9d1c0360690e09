"""Waiting for a broker: every service starts beside it and must outlive its restarts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from producers import topics
from producers.broker_access import missing_permission, reach, refusals
from producers.errors import FixAndRestart, TryAgain
from producers.kafka_client import client_config
from producers.settings import Settings

T = TypeVar("T")

DEADLINE_S = 60.0
SAY_EVERY_S = 5.0
NO_PERMISSION = 29  # TOPIC_AUTHORIZATION_FAILED


def until(
    attempt: Callable[[], T], settings: Settings, log: logging.Logger, deadline_s: float = DEADLINE_S
) -> T:
    """The first answer of `attempt` that is not an error, saying every few seconds what is missing.

    Kafka and socket errors and TryAgain mean "not yet". Raises TryAgain after the deadline, and FixAndRestart
    when the broker is there and refuses us: waiting would not help.
    """
    from kafka.errors import KafkaError

    started, said = time.monotonic(), 0.0
    while True:
        try:
            reach(settings)
            with refusals(settings):
                return attempt()
        except (KafkaError, OSError, TryAgain) as error:
            problem = str(error)
        waited, where = time.monotonic() - started, settings.kafka_bootstrap_servers
        if waited > deadline_s:
            raise TryAgain(f"no usable broker at {where} after {waited:.0f} s: {problem}")
        if waited - said >= SAY_EVERY_S:
            said = waited
            log.warning("waiting for the broker at %s: %s", where, problem)
        time.sleep(0.2)


def topic_id(settings: Settings, topic: str) -> str:
    """The broker's id of a topic; it changes when the topic is made anew.

    Raises TryAgain without the topic, FixAndRestart when its number of partitions is not the setting's.
    """
    from kafka.admin import KafkaAdminClient

    admin = KafkaAdminClient(**client_config(settings))
    try:
        described: dict[str, Any] = admin.describe_topics([topic])[0]
    finally:
        admin.close()
    if described["error_code"] == NO_PERMISSION:
        raise FixAndRestart(missing_permission(settings, f"to describe the topic {topic}"))
    if described["error_code"] != 0:
        raise TryAgain(f"topic {topic} does not exist yet")
    found = len(described["partitions"])
    if found != (topics.partitions_of(topic, settings.partitions) or found):
        raise FixAndRestart(
            f"topic {topic} has {found} partitions, ALLOCAST_PARTITIONS is {settings.partitions}: "
            + topics.repair_partitions(found)
        )
    return str(described["topic_id"])
