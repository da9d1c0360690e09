"""Records that must arrive: sent as they come, and asked about before anything is built on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from producers import topics
from producers.errors import TryAgain

DELIVERY_S = 120.0  # for which the client repeats a record by itself
ANSWER_S = 15.0  # for which a person waits


class Outbox:
    """A producer that forgets no failure: what was sent and did not arrive is told by the next question.

    config : of `client_config`. Records of one topic and key arrive in the order in which they were sent.
    """

    def __init__(self, config: Mapping[str, Any], delivery_s: float = DELIVERY_S, **options: Any) -> None:
        from kafka import KafkaProducer

        self._servers = config["bootstrap_servers"]
        self._delivery_s = delivery_s
        self._producer: Any = KafkaProducer(**config, **options)
        self._sent: deque[Any] = deque()

    def send(self, topic: str, key: str, value: bytes, schema: str) -> None:
        """Give it to the client, which sends it in the background."""
        self._sent.append(
            self._producer.send(topic, key=key.encode(), value=value, headers=topics.schema_header(schema))
        )

    def check(self) -> None:
        """Raises TryAgain when something that was sent is known not to have arrived. Does not wait."""
        while self._sent and self._sent[0].is_done:
            self._arrived(0.0)

    def settle(self) -> None:
        """Returns when the broker has everything that was sent. Raises TryAgain when it has not."""
        while self._sent:
            self._arrived(self._delivery_s)

    def _arrived(self, timeout_s: float) -> None:
        from kafka.errors import KafkaError

        try:
            self._sent.popleft().get(timeout=timeout_s)
        except KafkaError as error:
            raise TryAgain(f"the broker at {self._servers} did not take a record: {error}") from error

    def close(self) -> None:
        """End the connections; what is still under way has the time of a delivery."""
        self._producer.close(timeout=self._delivery_s)


def send_one(config: Mapping[str, Any], topic: str, key: str, value: bytes, schema: str) -> None:
    """Send a single record. Returns when the broker has it. Raises TryAgain without an answer."""
    from kafka.errors import KafkaError

    try:
        outbox = Outbox(config, ANSWER_S, max_block_ms=int(ANSWER_S * 1000))
        try:
            outbox.send(topic, key, value, schema)
            outbox.settle()
        finally:
            outbox.close()
    except (KafkaError, OSError) as error:
        raise TryAgain(f"the broker at {config['bootstrap_servers']} does not answer: {error}") from error
