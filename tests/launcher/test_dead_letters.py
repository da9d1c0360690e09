"""What is published again must not be taken for a duplicate of what came after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafka import KafkaProducer

from launcher.create_topics import ensure_topics
from launcher.dead_letters import as_new, replay
from producers import topics
from producers.errors import FixAndRestart
from producers.kafka_client import client_config
from producers.sessions import nyse
from producers.settings import Settings
from producers.tick import decode, encode
from producers.universe import load_universe
from stream_processors.partition import Partition
from tests.stubs import SESSION, close_ms, frame
from tests.system import records


def test_a_frame_that_was_refused_for_its_clock_counts_when_it_is_replayed() -> None:
    partition = Partition(0, "log:0", load_universe(), nyse())
    refused = encode(frame(seq=1, price=[7.0], event_ms=[close_ms(SESSION)]))
    partition.apply(frame(seq=2, event_ms=[close_ms(SESSION)]), 0)
    assert partition.apply(decode(refused), 1).duplicate
    assert partition.apply(decode(as_new(refused)), 2).applied == 1


def test_what_cannot_be_read_stays_as_it_is() -> None:
    assert as_new(b"\x00garbage") == b"\x00garbage"


def test_of_a_replay_that_is_refused_nothing_has_happened(embedded_broker: str, tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, kafka_bootstrap_servers=embedded_broker)
    ensure_topics(settings)
    producer = KafkaProducer(**client_config(settings))
    origin = [("reason", b"ahead_of_clock"), ("kind", b"frame"), ("source_partition", b"0")]
    value = encode(frame(event_ms=[close_ms(SESSION)]))
    offsets = [
        producer.send(topics.DEAD, value=value, partition=0, headers=headers).get(30).offset
        for headers in (origin, [*origin, ("truncated_from", b"2000000")])
    ]
    producer.close()
    before = len(records(settings, topics.TICKS))
    with pytest.raises(FixAndRestart, match=f"@{offsets[1]}: was cut short"):
        replay(settings, offsets)
    assert len(records(settings, topics.TICKS)) == before
    assert replay(settings, offsets[:1]) == 1
    assert len(records(settings, topics.TICKS)) == before + 1
