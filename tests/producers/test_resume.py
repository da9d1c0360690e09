from __future__ import annotations

from dataclasses import replace

import pytest

from launcher.create_topics import ensure_topics
from producers import topics
from producers.errors import FixAndRestart
from producers.kafka_client import client_config
from producers.publisher import Framer, Publisher
from producers.reference import CPI
from producers.resume import feed_in_log, newest_published, newest_reference, reaches_back
from producers.settings import load_settings
from producers.tick_batch import batch


def test_the_newest_published_tick_of_every_symbol_is_found(empty_broker: str) -> None:
    from kafka import KafkaConsumer, KafkaProducer

    settings = load_settings(kafka_bootstrap_servers=empty_broker)
    ensure_topics(settings)
    producer = KafkaProducer(**client_config(settings))
    partitions = len(producer.partitions_for(topics.TICKS))
    publisher = Publisher(producer, Framer("resume", partitions, "e"))
    publisher.publish(batch(["RARE"], [5], [1.0]))
    for i in range(200):  # more records than the first look back
        publisher.publish(
            batch([f"S{n}" for n in range(3 * partitions)], [10 + i] * 3 * partitions, [1.0] * 3 * partitions)
        )
    publisher.publish(batch(["S0"], [2**45], [1.0]))  # by a clock that had jumped
    publisher.flush()
    cpi = Publisher(producer, Framer("cpi:snapshot", partitions, "c"))
    cpi.publish(replace(batch([CPI.symbol], [7], [1.0]), whole=True), history=True)
    cpi.publish(replace(batch([CPI.symbol] * 2, [7, 2**45], [1.0, 2.0]), whole=True), history=True)  # refused
    cpi.flush()
    # A whole past that begins anew and is broken off: what was live before does not make it complete.
    publisher.publish(replace(batch(["S7"] * 2, [1, 2], [1.0] * 2), whole=True), history=True)
    publisher.flush()
    producer.close()

    consumer = KafkaConsumer(**client_config(settings), group_id=None, enable_auto_commit=False)
    newest = newest_published(consumer, "resume", ["RARE", "S0", "S7", "S8", "NEVER"])
    assert newest["RARE"] == 5
    assert newest["S0"] == newest["S8"] == 209
    assert newest["S7"] == 2
    assert newest.keys() == {"RARE", "S0", "S7", "S8"}  # S1 is another producer's, NEVER is nobody's
    assert feed_in_log(consumer) == "resume"
    assert reaches_back(consumer)
    assert newest_reference(consumer, CPI.symbol) == 7
    with pytest.raises(FixAndRestart, match="holds prices of feed 'resume', asked for 'csv'"):
        newest_published(consumer, "csv", ["S0"])
    consumer.close()
