"""`python -m producers`: reads one feed and publishes it to `market.ticks`.

History goes first, then a training request that names the offsets it ended at, then live ticks. The feed's condition
is told on `feeds.status`, and consumer prices follow their own calendar.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from producers import logs, metrics, topics
from producers.csv_feed import CsvFeed
from producers.entry_point import exit_codes
from producers.errors import FixAndRestart
from producers.feed import Feed
from producers.feed_report import Condition, Reporter, State
from producers.inflation_feed import InflationFeed
from producers.kafka_client import client_config
from producers.offer import OfferYahoo
from producers.publisher import DELIVERY_S, Framer, Publisher, new_epoch
from producers.reference import CPI
from producers.request import MODEL, SCHEMA, TrainingRequest, encode_request
from producers.resume import feed_in_log, newest_published, newest_reference, reaches_back
from producers.settings import Settings, load_settings
from producers.simulated_feed import SimulatedFeed
from producers.tick_batch import TickBatch
from producers.universe import Universe, load_universe
from producers.waiting import topic_id, until
from producers.yahoo_client import answers

if TYPE_CHECKING:
    from kafka import KafkaConsumer, KafkaProducer

log = logging.getLogger("producers")

DEFAULT_SPEED = {"csv": 0.5, "simulated": 0.2}
DEFAULT_REPLAY = 250
PROBE_S = 3.0
PROBES = 3  # a lasting log keeps its market for ever: one answer that was lost must not choose it
PROBE_PAUSE_S = 0.5
IDLE_S = 5.0  # between two reports of a feed that has ended
LOOK_EVERY_S = 60.0
# The log always holds a whole history: it is published again long before retention takes the last one.
AGAIN_S = topics.RETENTION_TICKS_MS / 1000 / 2


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of `allocast up` that concern the feed."""
    parser = argparse.ArgumentParser(prog="producers", description=__doc__)
    parser.add_argument("--feed", choices=("auto", "yahoo", "csv", "simulated"), default="auto")
    parser.add_argument("--data", type=Path, help="folder of CSV files, for --feed csv")
    parser.add_argument("--speed", type=float, help="replayed sessions per second")
    parser.add_argument("--replay", type=int, default=DEFAULT_REPLAY, help="sessions replayed as live ticks")
    parser.add_argument("--seed", type=int, default=42, help="of the simulated market")
    parser.add_argument("--ticks", type=float, help="simulated ticks per second, of all assets together")
    parser.add_argument(
        "--shock", action="store_true", help="the simulated market crashes after ten live sessions"
    )
    return parser.parse_args(arguments)


def make_feed(options: argparse.Namespace, universe: Universe, settings: Settings) -> Feed:
    """The feed asked for; `auto` must have been decided. Raises FixAndRestart with what to change."""
    name = options.feed
    speed = DEFAULT_SPEED.get(name, 1.0) if options.speed is None else options.speed
    if not 0 < speed <= 10_000:
        raise FixAndRestart(
            f"--speed: expected more than 0 and at most 10000 sessions per second, got {speed:g}"
        )
    if not 0 <= options.replay <= 5_000:
        raise FixAndRestart(f"--replay: expected 0 to 5000 sessions, got {options.replay}")
    if options.ticks is not None and not (name == "simulated" and 0 < options.ticks <= 1_000_000):
        raise FixAndRestart(
            f"--ticks: expected 1 to 1000000 ticks per second of the simulated feed, got {options.ticks:g} of {name}"
        )
    if options.shock and name != "simulated":
        raise FixAndRestart("--shock: only the simulated feed has one; use --feed simulated")
    if name == "csv":
        if options.data is None or not options.data.is_dir():
            raise FixAndRestart(f"--data: expected a folder of CSV files, got {options.data}")
        feed = CsvFeed(options.data, universe, options.replay, speed)
        if feed.missing:
            log.warning("%s: no file for %s; they are left out", options.data, ", ".join(feed.missing))
        for symbol, gaps in feed.gaps.items():
            if gaps:
                log.warning("%s: %d sessions without a row, the last %d", symbol, len(gaps), gaps[-1])
        return feed
    if name == "yahoo":
        from producers.yahoo_feed import YahooFeed  # imports yfinance, seconds

        return YahooFeed(universe, settings.state_dir / "yahoo", settings.universe_file)
    return SimulatedFeed(
        universe, options.seed, options.replay, speed, options.shock, ticks_per_s=options.ticks
    )


def decide(held: str | None) -> str:
    """What `auto` means: the market that the log holds, else Yahoo if it answers at once, else a simulated one.

    Raises FixAndRestart when the log holds a market that `auto` cannot go on with.
    """
    if held in ("yahoo", "simulated"):
        log.info("feed auto: %s, as in the log; markets are never mixed", held)
        return held
    if held is not None:
        more = " --data DIR" if held == "csv" else ""
        raise FixAndRestart(
            f"{topics.TICKS}: holds prices of feed {held!r}: add --feed {held}{more}, or use another broker or another"
            " --state-dir; feeds are never mixed"
        )
    started = time.monotonic()
    found = "simulated"
    for attempt in range(PROBES):
        time.sleep(PROBE_PAUSE_S if attempt else 0.0)
        if answers(PROBE_S):
            found = "yahoo"
            break
    said = "answers" if found == "yahoo" else f"gave no prices, {PROBES} times, within {PROBE_S:g} s each"
    log.info("feed auto: %s (Yahoo %s, asked for %.1f s)", found, said, time.monotonic() - started)
    return found


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


def newest_of(ticks: TickBatch) -> dict[str, int]:
    """Newest event time of each symbol of a batch."""
    return {str(one): int(ticks.event_ms[ticks.symbol == one].max()) for one in np.unique(ticks.symbol)}


def log_ends(consumer: KafkaConsumer) -> dict[str, int]:
    """Next offset of each partition of `market.ticks` that holds anything."""
    from kafka import TopicPartition

    numbers = consumer.partitions_for_topic(topics.TICKS) or ()
    ends = consumer.end_offsets([TopicPartition(topics.TICKS, number) for number in numbers])
    return {str(partition.partition): end for partition, end in ends.items() if end}


class Production:
    """One feed on its way to Kafka."""

    def __init__(self, options: argparse.Namespace, universe: Universe, settings: Settings) -> None:
        self._asked = options.feed
        self._kafka, self._consumer = connect(settings)
        if options.feed == "auto":
            only_simulated = options.shock or options.ticks is not None
            options.feed = "simulated" if only_simulated else decide(feed_in_log(self._consumer))
        self._universe, self._settings = universe, settings
        self._feed = make_feed(options, universe, settings)
        partitions = len(self._consumer.partitions_for_topic(topics.TICKS))
        self._in_log = newest_published(self._consumer, self._feed.name, universe.symbols)
        self._newest = dict(self._in_log)  # moves with what is published
        # That of the prices alone: another Publisher of this process, of consumer prices, hides no standstill.
        self._publisher = Publisher(self._kafka, Framer(self._feed.name, partitions, new_epoch())).watched()
        self._reporter = Reporter(self._kafka, self._feed.name, self._asked, universe.symbols)
        own_cpi = options.data / "cpi.csv" if options.feed == "csv" else None
        self._inflation = InflationFeed(
            settings,
            self._kafka,
            partitions,
            online=self._feed.name == "yahoo",
            file=own_cpi if own_cpi is not None and own_cpi.is_file() else None,
        )
        self._again = self._looked = time.monotonic()
        self._offer = OfferYahoo() if self._asked == "auto" and self._feed.name == "simulated" else None

    def run(self, stop: threading.Event) -> None:
        """Publish history, ask for training, publish live ticks until the feed ends or `stop` is set."""
        self._reporter.report(Condition("starting", "loading the history"))
        whole = not reaches_back(self._consumer)
        self._inflation.publish(None if whole else newest_reference(self._consumer, CPI.symbol))
        self._history(whole)
        metrics.READY.labels("producer").set(1)  # the log holds a history; live ticks follow
        self._again = self._looked = time.monotonic()
        for ticks in self._feed.live(dict(self._newest)):
            if stop.is_set():
                break
            self._live(ticks)
            self._look_around()
        self._kafka.flush()
        if not stop.is_set():
            log.info("the feed has ended: %d ticks published; waiting to be stopped", self._publisher.sent)
            self._report("ended")
            while not stop.wait(IDLE_S):
                self._look_around()
                self._report("ended")
        self._kafka.close()
        self._consumer.close()

    def _look_around(self) -> None:
        """What is due now and then, whether prices move or not."""
        now = time.monotonic()
        if now - self._again > AGAIN_S:
            self._again = now
            self._history(whole=True)
            self._inflation.publish()
        if now - self._looked > LOOK_EVERY_S:
            self._looked = now
            self._inflation.update()
            log.info("%d ticks published so far", self._publisher.sent)

    def _history(self, whole: bool) -> None:
        started, before = time.monotonic(), self._publisher.sent
        for ticks in self._feed.history(max(self._newest.values(), default=0) if whole else 0):
            fresh = replace(ticks, whole=True) if whole or ticks.whole else unpublished(ticks, self._in_log)
            self._publish(fresh, history=True)
            self._publisher.flush()  # what the feed does next may rely on it
        count = self._publisher.sent - before
        log.info("history: %d ticks published in %.1f s", count, time.monotonic() - started)
        self._ask_for_training(count)

    def _live(self, ticks: TickBatch) -> None:
        if ticks.whole:
            first = not set(np.unique(ticks.symbol)) & self._newest.keys()
            self._publish(ticks, history=True)
            self._publisher.flush()
            if first:  # a history that could not be fetched at the start
                self._ask_for_training(len(ticks))
        else:
            self._publish(unpublished(ticks, self._in_log), history=False)
        self._report()

    def _publish(self, ticks: TickBatch, history: bool) -> None:
        if len(ticks):
            self._publisher.publish(ticks, history=history)
            self._reporter.published(ticks, history)
            for symbol, event_ms in newest_of(ticks).items():
                self._newest[symbol] = max(event_ms, self._newest.get(symbol, event_ms))

    def _report(self, state: State | None = None) -> None:
        condition = self._feed.condition()
        if state is not None:
            condition.state = state
        if self._offer is not None:
            condition.offered = self._offer.words()
        self._reporter.report(condition)

    def _ask_for_training(self, count: int) -> None:
        version = self._feed.data_hash()
        if not (count or self._newest):
            return  # there is nothing to train on yet
        request = TrainingRequest(
            reason="history",
            idempotency_key=f"history:{version}",
            at_ms=int(time.time() * 1000),
            detail=f"{count} ticks of history",
            source=f"{self._feed.name}:{version}",
            after=log_ends(self._consumer),
        )
        self._kafka.send(
            topics.REQUESTS,
            key=MODEL.encode(),
            value=encode_request(request),
            headers=topics.schema_header(SCHEMA),
        )
        self._kafka.flush()


def main() -> int:
    """Entry point: exit code 0 stopped, 1 broker missing, 2 wrong input."""
    options = parse()
    with exit_codes("producers"):
        settings = load_settings()
        logs.configure(settings, "producer")
        metrics.serve(settings, "producer")
        universe = load_universe(settings.universe_file)
        stop = threading.Event()

        def on_signal(*_: object) -> None:
            stop.set()
            sys.exit(0)

        signal.signal(signal.SIGTERM, on_signal)
        signal.signal(signal.SIGINT, on_signal)
        Production(options, universe, settings).run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
