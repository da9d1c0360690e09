"""What was sent and did not arrive is told before anything is built on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher import embedded_broker as tansu
from launcher.create_topics import ensure_topics
from launcher.free_port import LOOPBACK, free_ports
from producers import topics
from producers.errors import TryAgain
from producers.kafka_client import client_config
from producers.outbox import Outbox
from producers.settings import Settings
from tests.services import running, until
from tests.system import messages

SHORT = {"delivery_timeout_ms": 1_500, "request_timeout_ms": 1_000, "linger_ms": 0}


def test_what_a_broker_has_is_settled_and_what_it_has_not_is_told(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    settings = Settings(kafka_bootstrap_servers=f"{LOOPBACK}:{port}", partitions=2)
    config = client_config(settings)
    with running(tansu.command(port), port, tmp_path / "log"):
        ensure_topics(settings)
        waiting, asking = Outbox(config, **SHORT), Outbox(config, **SHORT)
        for number in range(50):
            waiting.send(topics.DRIFT, "gold", b"%d" % number, "test/1")
        waiting.settle()
        waiting.check()
        assert messages(settings, topics.DRIFT) == list(range(50))
        asking.send(topics.DRIFT, "gold", b"50", "test/1")
        asking.settle()
    for outbox in (waiting, asking):
        outbox.send(topics.DRIFT, "gold", b"51", "test/1")
    with pytest.raises(TryAgain, match=f"{port}.*did not take a record"):
        waiting.settle()

    def told() -> bool:
        try:
            asking.check()
        except TryAgain:
            return True
        return False

    until(told, "the loss is told without waiting", 30)
    waiting.settle()  # told once
    for outbox in (waiting, asking):
        outbox.close()
