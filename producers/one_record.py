"""A single record that must arrive: what commands and the page send, with a producer of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from producers import topics
from producers.errors import TryAgain

ANSWER_S = 15.0


def send_one(config: Mapping[str, Any], topic: str, key: str, value: bytes, schema: str) -> None:
    """Returns when the broker has it. config : of `client_config`. Raises TryAgain without an answer."""
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    try:
        producer: Any = KafkaProducer(**config, max_block_ms=int(ANSWER_S * 1000))
        try:
            sent = producer.send(topic, key=key.encode(), value=value, headers=topics.schema_header(schema))
            sent.get(timeout=ANSWER_S)
        finally:
            producer.close(timeout=ANSWER_S)
    except (KafkaError, OSError) as error:
        raise TryAgain(f"the broker at {config['bootstrap_servers']} does not answer: {error}") from error
