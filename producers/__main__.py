"""`python -m producers`: reads one feed and publishes it to `market.ticks`.

History goes first, then a training request that names the offsets it ended at, then live ticks.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from producers import logs, metrics, topics
from producers.csv_feed import CsvFeed
from producers.errors import AllocastError, FixAndRestart
from producers.feed import Feed
from producers.kafka_client import client_config
from producers.publisher import DELIVERY_S, Framer, Publisher, new_epoch
from producers.request import MODEL, SCHEMA, TrainingRequest, encode_request
from producers.resume import newest_published
from producers.settings import Settings, load_settings
from producers.simulated_feed import SimulatedFeed
from producers.tick_batch import TickBatch
from producers.universe import Universe, load_universe
from producers.waiting import topic_id, until

if TYPE_CHECKING:
    from kafka import KafkaConsumer, KafkaProducer

log = logging.getLogger("producers")

DEFAULT_SPEED = {"csv": 0.5, "simulated": 0.2}
DEFAULT_REPLAY = 250


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of `allocast up` that concern the feed."""
    parser = argparse.ArgumentParser(prog="producers", description=__doc__)
    parser.add_argument("--feed", choices=("auto", "csv", "simulated"), default="auto")
    parser.add_argument("--data", type=Path, help="folder of CSV files, for --feed csv")
    parser.add_argument("--speed", type=float, help="replayed sessions per second")
    parser.add_argument("--replay", type=int, default=DEFAULT_REPLAY, help="sessions replayed as live ticks")
    parser.add_argument("--seed", type=int, default=42, help="of the simulated market")
    parser.add_argument(
        "--shock", action="store_true", help="the simulated market crashes after ten live sessions"
    )
    return parser.parse_args(arguments)


def make_feed(options: argparse.Namespace, universe: Universe) -> Feed:
    """The feed asked for. Raises FixAndRestart with what to change."""
    name = "simulated" if options.feed == "auto" else options.feed
    speed = DEFAULT_SPEED[name] if options.speed is None else options.speed
    if not 0 < speed <= 10_000:
        raise FixAndRestart(
            f"--speed: expected more than 0 and at most 10000 sessions per second, got {speed:g}"
        )
    if not 0 <= options.replay <= 5_000:
        raise FixAndRestart(f"--replay: expected 0 to 5000 sessions, got {options.replay}")
    if name == "csv":
        if options.data is None or not options.data.is_dir():
            raise FixAndRestart(f"--data: expected a folder of CSV files, got {options.data}")
        if options.shock:
            raise FixAndRestart("--shock: only the simulated feed has one; use --feed simulated")
        feed = CsvFeed(options.data, universe, options.replay, speed)
        if feed.missing:
            log.warning("%s: no file for %s; they are left out", options.data, ", ".join(feed.missing))
        return feed
    return SimulatedFeed(universe, options.seed, options.replay, speed, options.shock)


def connect(settings: Settings) -> tuple[KafkaProducer, KafkaConsumer]:
    """Clients of a broker that has the topic. Raises TryAgain when there is none after a minute."""
    from kafka import KafkaConsumer, KafkaProducer

    until(lambda: topic_id(settings, topics.TICKS), settings, log)
    config = client_config(settings)
    return (
        KafkaProducer(**config, linger_ms=5, delivery_timeout_ms=int(DELIVERY_S * 1000)),
        KafkaConsumer(**config, enable_auto_commit=False, group_id=None),
    )


def unpublished(ticks: TickBatch, newest: dict[str, int]) -> TickBatch:
    """Ticks after the newest one in the log, per symbol."""
    seen = np.array([newest.get(str(symbol), -(2**60)) for symbol in ticks.symbol], dtype=np.int64)
    return ticks.take(ticks.event_ms > seen)


def log_ends(consumer: KafkaConsumer) -> dict[str, int]:
    """Next offset of each partition of `market.ticks` that holds anything."""
    from kafka import TopicPartition

    numbers = consumer.partitions_for_topic(topics.TICKS) or ()
    ends = consumer.end_offsets([TopicPartition(topics.TICKS, number) for number in numbers])
    return {str(partition.partition): end for partition, end in ends.items() if end}


def run(feed: Feed, universe: Universe, settings: Settings, stop: threading.Event) -> None:
    """Publish history, ask for training, publish live ticks until the feed ends or `stop` is set."""
    kafka, consumer = connect(settings)
    partitions = len(consumer.partitions_for_topic(topics.TICKS))
    newest = newest_published(consumer, feed.name, universe.symbols)
    publisher = Publisher(kafka, Framer(feed.name, partitions, new_epoch()))

    started = time.monotonic()
    for ticks in feed.history():
        fresh = unpublished(ticks, newest)
        if len(fresh):
            publisher.publish(fresh, history=True)
    publisher.flush()
    log.info("history: %d ticks published in %.1f s", publisher.sent, time.monotonic() - started)
    request = TrainingRequest(
        reason="history",
        idempotency_key=f"history:{feed.data_hash()}",
        at_ms=int(time.time() * 1000),
        detail=f"{publisher.sent} ticks of history",
        source=f"{feed.name}:{feed.data_hash()}",
        after=log_ends(consumer),
    )
    consumer.close()
    kafka.send(
        topics.REQUESTS,
        key=MODEL.encode(),
        value=encode_request(request),
        headers=topics.schema_header(SCHEMA),
    )
    kafka.flush()

    said = time.monotonic()
    for ticks in feed.live(after_ms=min(newest.values(), default=0)):
        if stop.is_set():
            break
        fresh = unpublished(ticks, newest)
        if len(fresh):
            publisher.publish(fresh)
        if time.monotonic() - said > 60:
            said = time.monotonic()
            log.info("live: %d ticks published so far", publisher.sent)
    kafka.flush()
    if not stop.is_set():
        log.info("the feed has ended: %d ticks published; waiting to be stopped", publisher.sent)
        stop.wait()
    kafka.close()


def main() -> int:
    """Entry point: exit code 0 stopped, 1 broker missing, 2 wrong input."""
    options = parse()
    try:
        settings = load_settings()
        logs.configure(settings, "producer")
        metrics.serve(settings, "producer")
        universe = load_universe(settings.universe_file)
        feed = make_feed(options, universe)
        stop = threading.Event()

        def on_signal(*_: object) -> None:
            stop.set()
            sys.exit(0)

        signal.signal(signal.SIGTERM, on_signal)
        signal.signal(signal.SIGINT, on_signal)
        run(feed, universe, settings, stop)
    except AllocastError as error:
        sys.stderr.write(f"producers: {error}\n")
        return 2 if isinstance(error, FixAndRestart) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
