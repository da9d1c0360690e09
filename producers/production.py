"""One feed on its way to Kafka: what is published again, what is left out, when training is asked for."""

from __future__ import annotations

import argparse
import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from producers import metrics, topics
from producers.feed_choice import decide, make_feed
from producers.feed_report import Condition, Reporter, State
from producers.inflation_feed import InflationFeed
from producers.kafka_client import client_config
from producers.offer import OfferYahoo
from producers.publisher import DELIVERY_S, Framer, Publisher, new_epoch
from producers.reference import CPI
from producers.request import MODEL, SCHEMA, TrainingRequest, encode_request
from producers.resume import feed_in_log, newest_published, newest_reference, reaches_back
from producers.settings import Settings
from producers.tick_batch import TickBatch
from producers.universe import Universe
from producers.waiting import topic_id, until

if TYPE_CHECKING:
    from kafka import KafkaConsumer, KafkaProducer

log = logging.getLogger("producers")

IDLE_S = 5.0  # between two reports of a feed that has ended
LOOK_EVERY_S = 60.0
# The log always holds a whole history: it is published again long before retention takes the last one.
AGAIN_S = topics.RETENTION_TICKS_MS / 1000 / 2


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
