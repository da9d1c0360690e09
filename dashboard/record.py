"""The long memory of the page: every final bar and every logged forecast, read by one background thread.

Bars give the stress windows and what the allocation did so far; forecasts and bars together give the record of
what was said and what came of it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from producers.errors import TryAgain
from producers.group_offsets import committed
from producers.topics import BARS, DEAD, FORECASTS, TICKS
from stream_processors.messages import Bar
from training.forecast_log import Forecast
from training.said_and_done import Matured, matured

log = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 15.0
POLL_MS = 500
SCORE_EVERY_S = 5.0  # scoring reads every forecast again
LAG_EVERY_S = 5.0
KEPT_FORECASTS = 20_000
RECENT = 64  # sessions


@dataclass(frozen=True)
class Pipeline:
    """Where the stream stands. None: not known."""

    behind: int | None = None  # records of market.ticks that no worker has acknowledged
    dead: int | None = None  # refused records that are kept
    acknowledged: int | None = None  # sum of the workers' offsets
    before: tuple[
        tuple[int, int], ...
    ] = ()  # (behind, acknowledged) of the two readings before, oldest first

    @property
    def grows(self) -> bool:
        """Whether more is left undone at each of the last two readings."""
        lags = [*(behind for behind, _ in self.before), self.behind or 0]
        return len(lags) == 3 and lags[0] < lags[1] < lags[2]

    @property
    def stands(self) -> bool:
        """Whether it grows and nothing at all was acknowledged meanwhile."""
        return self.grows and len({*(done for _, done in self.before), self.acknowledged}) == 1

    def followed_by(self, later: Pipeline) -> Pipeline:
        """`later` with the readings before it."""
        if self.behind is None or self.acknowledged is None:
            return later
        return replace(later, before=(*self.before, (self.behind, self.acknowledged))[-2:])


@dataclass(frozen=True)
class Record:
    """What was read so far. `revision` grows when anything did."""

    closes: Mapping[str, Mapping[int, float]] = field(default_factory=dict)  # symbol -> session date -> close
    recent: Mapping[str, Mapping[int, float]] = field(default_factory=dict)  # the same, the newest of it
    forecasts: int = 0
    matured: Sequence[Matured] = ()
    watched: Mapping[str, int] = field(
        default_factory=dict
    )  # version in its shadow -> sessions with an outcome
    pipeline: Pipeline = Pipeline()
    status: str = ""  # one sentence while the broker is away
    revision: int = 0


_bar = msgspec.json.Decoder(Bar)
_forecast = msgspec.json.Decoder(Forecast)


class RecordReader:
    """Follows market.bars and forecasts.log from their beginning, without a consumer group."""

    def __init__(self, config: Mapping[str, Any], group: str) -> None:
        """config : keyword arguments for kafka-python's clients.      group : of the stream workers."""
        self._config, self._group = dict(config), group
        self._record = Record(status="Waiting for the message broker.")
        self._closes: dict[str, dict[int, float]] = {}
        self._forecasts: dict[tuple[str, int], Forecast] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="record", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end and wait for it."""
        self._stop.set()
        self._thread.join(timeout=10)

    def record(self) -> Record:
        return self._record

    def absorb(self, topic: str, raw: bytes | None) -> None:
        """Add one record. One that cannot be read is logged and skipped."""
        try:
            if topic == BARS:
                bar = _bar.decode(raw or b"")
                self._closes.setdefault(bar.symbol, {})[bar.session_date] = bar.close
            else:
                one = _forecast.decode(raw or b"")
                if len(self._forecasts) < KEPT_FORECASTS:  # the first of a symbol and session counts
                    self._forecasts.setdefault((one.symbol, one.session_date), one)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("%s: skipped one record: %s", topic, error)

    def publish(self, pipeline: Pipeline | None = None) -> None:
        """Make what was absorbed visible; scores every forecast whose horizon has ended."""
        from producers.sessions import nyse  # its calendar takes a second to import

        closes = {symbol: dict(series) for symbol, series in self._closes.items()}
        self._record = Record(
            closes=closes,
            recent={symbol: dict(sorted(series.items())[-RECENT:]) for symbol, series in closes.items()},
            forecasts=len(self._forecasts),
            matured=matured(self._forecasts.values(), closes, nyse()),
            pipeline=pipeline or self._record.pipeline,
            revision=self._record.revision + 1,
        )

    def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stop.is_set():
            try:
                self._follow()
            except Exception as error:  # whatever the client raises, the page must go on and say so
                wait_s = FIRST_WAIT_S if not self._record.status else min(wait_s * 2, LONGEST_WAIT_S)
                status = f"The record of prices and forecasts is not available: {error}."
                self._record = replace(self._record, status=status)
                self._stop.wait(wait_s)

    def _follow(self) -> None:
        """Read until told to stop. Raises when the broker is away or has no such topics yet."""
        from kafka import KafkaConsumer, TopicPartition

        consumer: Any = KafkaConsumer(
            **self._config,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            max_poll_records=2_000,
        )
        try:
            partitions = []
            for topic in (BARS, FORECASTS):
                numbers = consumer.partitions_for_topic(topic)
                if not numbers:
                    raise TryAgain(f"topic {topic} does not exist yet")
                partitions += [TopicPartition(topic, number) for number in sorted(numbers)]
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            moved, scored_at, lag_at = True, 0.0, 0.0
            pipeline = Pipeline()
            while not self._stop.is_set():
                for partition, records in consumer.poll(timeout_ms=POLL_MS).items():
                    moved = True
                    for one in records:
                        self.absorb(partition.topic, one.value)
                now = time.monotonic()
                if now - lag_at > LAG_EVERY_S:
                    lag_at = now
                    latest = self._lag(consumer, TopicPartition)
                    moved, pipeline = moved or latest != pipeline, latest
                if self._record.status or (moved and now - scored_at > SCORE_EVERY_S):
                    moved, scored_at = False, now
                    self.publish(pipeline)
        finally:
            consumer.close()

    def _lag(self, consumer: Any, partition: Any) -> Pipeline:
        """Raises when the broker does not answer."""
        from kafka.admin import KafkaAdminClient

        def ends(topic: str) -> tuple[int, dict[Any, int]]:
            found = [partition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            if not found:
                return 0, {}
            newest = consumer.end_offsets(found, timeout_ms=5_000)
            oldest = consumer.beginning_offsets(found, timeout_ms=5_000)
            return sum(newest.values()) - sum(oldest.values()), newest

        dead, _ = ends(DEAD)
        _, ticks = ends(TICKS)
        admin = KafkaAdminClient(**self._config)
        try:
            done = committed(admin, self._group, TICKS, [part.partition for part in ticks])
        finally:
            admin.close()
        behind = sum(end - done.get(part.partition, end) for part, end in ticks.items()) if done else None
        return Pipeline(behind=behind, dead=dead, acknowledged=sum(done.values()) if done else None)
