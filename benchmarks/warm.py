"""A system that has run for long: rolling states with years of history, and one record that they contain.

Without it a benchmark would measure the cheapest case there is: rows in which no feature has a value yet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from benchmarks.market import HISTORY, history
from benchmarks.topics_reset import empty_topic, forget_group
from producers import tick, topics
from producers.kafka_client import client_config
from producers.sessions import nyse
from producers.settings import Settings
from producers.tick import TickFrame, partition_of
from producers.universe import load_universe
from producers.waiting import topic_id
from stream_processors.partition import Partition
from stream_processors.state_version import APP_ID, CHANGELOG, source_log

FIRST_OFFSET = 0  # of each partition: the record that the states contain

Entries = dict[int, dict[bytes, bytes | None]]  # partition -> changelog entries


def warm_states(settings: Settings, last_session: int, seen_ms: int) -> Entries:
    """Changelog entries of every partition, as a worker leaves them after HISTORY sessions."""
    universe = load_universe(settings.universe_file)
    log_id = topic_id(settings, topics.TICKS)
    entries: Entries = {}
    for number, symbols in owned(universe.symbols, settings.partitions).items():
        partition = Partition(number, source_log(log_id, number), universe, nyse())
        for frame in history(symbols, last_session, seen_ms):
            partition.apply(frame, FIRST_OFFSET)
        written = partition.snapshot(partition.changed)
        # Without a predecessor there is nothing to delete.
        entries[number] = {key: value for key, value in written.items() if value is not None}
    return entries


def owned(symbols: list[str], partitions: int) -> dict[int, list[str]]:
    """Symbols by partition; partitions without any are left out."""
    found: dict[int, list[str]] = {}
    for symbol in symbols:
        found.setdefault(partition_of(symbol, partitions), []).append(symbol)
    return found


def contained_record(symbols: list[str], last_session: int, seen_ms: int) -> TickFrame:
    """The record at FIRST_OFFSET: a worker finds that the states contain it already."""
    close_ms = int(nyse().close_ms[last_session - HISTORY])
    return TickFrame("bench", "history", 0, seen_ms, [symbols[0]], [0], [close_ms], [100.0], history=True)


def start_log(settings: Settings, last_session: int, seen_ms: int) -> None:
    """Publish the contained record of every partition. `market.ticks` must be empty."""
    from kafka import KafkaProducer

    producer: Any = KafkaProducer(**client_config(settings))
    universe = load_universe(settings.universe_file)
    for number, symbols in owned(universe.symbols, settings.partitions).items():
        frame = contained_record(symbols, last_session, seen_ms)
        producer.send(topics.TICKS, key=b"%d" % number, value=tick.encode(frame), partition=number)
    producer.flush()
    producer.close()


def reset_worker(settings: Settings, entries: Entries) -> None:
    """Forget what workers have done: new changelog with the warm states, no offsets, nothing online."""
    import redis
    from kafka import KafkaProducer

    forget_group(settings, APP_ID)
    empty_topic(settings, CHANGELOG.name)
    producer: Any = KafkaProducer(**client_config(settings), linger_ms=5, batch_size=1 << 20)
    for number, states in entries.items():
        for key, value in states.items():
            producer.send(CHANGELOG.name, key=key, value=value, partition=number)
    producer.flush()
    producer.close()
    redis.Redis.from_url(settings.redis_url.get_secret_value()).flushdb()


def write_states(path: Path, entries: Entries) -> None:
    """Keep the entries in a file, for engines with a store of their own."""
    path.write_bytes(msgspec.msgpack.encode(entries))


def read_states(path: Path) -> Entries:
    """The entries of `write_states`."""
    return msgspec.msgpack.decode(path.read_bytes(), type=Entries)
