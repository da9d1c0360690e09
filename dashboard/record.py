"""The long memory of the page: every final bar and every logged forecast, read by one background thread.

Bars give the stress windows and what the allocation did so far; forecasts and bars together give the record of
what was said and what came of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from dashboard.follower import Follower
from dashboard.scorekeeper import Scorekeeper
from producers.group_offsets import committed
from producers.topics import BARS, DEAD, FORECASTS, TICKS
from stream_processors.messages import Bar
from training.artefact import CHALLENGER, CHAMPION
from training.forecast_log import Forecast
from training.said_and_done import Matured

log = logging.getLogger(__name__)

SCORE_EVERY_S = 5.0
LAG_EVERY_S = 5.0
KEPT_FORECASTS = 20_000  # the newest: ten assets, eight years
SPARE_FORECASTS = 1_000  # more, before the oldest are dropped
KEPT_TRIAL = 2_000  # forecasts of a challenger and of the champion beside it: ten assets, a hundred sessions
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
    """What was read so far. `revision` grows when anything but `pipeline` and `status` did."""

    closes: Mapping[str, Mapping[int, float]] = field(default_factory=dict)  # symbol -> session date -> close
    recent: Mapping[str, Mapping[int, float]] = field(default_factory=dict)  # the same, the newest of it
    forecasts: int = 0
    newest_forecast: int = 0  # yyyymmdd of the session after which the newest was made
    matured: Sequence[Matured] = ()
    fitted: Mapping[tuple[str, int], Sequence[float]] = field(
        default_factory=dict
    )  # symbol, session date -> mean, alpha, beta of the GARCH process behind a forecast
    trial: Sequence[Forecast] = ()  # of the newest challenger and, from its first session on, of the champion
    pipeline: Pipeline = Pipeline()
    status: str = ""  # one sentence while the broker is away
    revision: int = 0


_bar = msgspec.json.Decoder(Bar)
_forecast = msgspec.json.Decoder(Forecast)


class RecordReader:
    """Follows market.bars and forecasts.log from their beginning."""

    def __init__(self, config: Mapping[str, Any], group: str) -> None:
        """config : keyword arguments for kafka-python's clients.      group : of the stream workers."""
        self._config, self._group = dict(config), group
        self._record = Record(status="Waiting for the message broker.")
        self._closes: dict[str, dict[int, float]] = {}
        self._forecasts: dict[tuple[str, int], Forecast] = {}
        self._scores = Scorekeeper()
        self._challenger: dict[tuple[str, int], Forecast] = {}  # of the newest one
        self._moved, self._scored_at, self._lag_at = True, 0.0, 0.0
        self._follower = Follower("record", config, (BARS, FORECASTS), self)

    def start(self) -> None:
        self._follower.start()

    def stop(self) -> None:
        """Ask the thread to end and wait for it."""
        self._follower.stop()

    def record(self) -> Record:
        return self._record

    def absorb(self, topic: str, raw: bytes | None) -> None:
        """Add one record. One that cannot be read is logged and skipped."""
        self._moved = True
        try:
            if topic == BARS:
                self._close(_bar.decode(raw or b""))
            else:
                self._forecast(_forecast.decode(raw or b""))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("%s: skipped one record: %s", topic, error)

    def _close(self, bar: Bar) -> None:
        series = self._closes.setdefault(bar.symbol, {})
        if series.get(bar.session_date, bar.close) != bar.close:  # corrected: so are the scores
            self._scores.forget(bar.symbol)
        series[bar.session_date] = bar.close

    def _forecast(self, one: Forecast) -> None:
        """The first champion's of a symbol and session counts; nobody was told the others."""
        if one.role == CHALLENGER:
            newest = max(self._challenger.values(), key=lambda known: known.made_ms, default=one)
            if one.model != newest.model:
                if one.made_ms < newest.made_ms:
                    return  # partitions are read one after the other
                self._challenger = {}
            self._challenger.setdefault((one.symbol, one.session_date), one)
        elif one.role == CHAMPION:
            self._forecasts.setdefault((one.symbol, one.session_date), one)
            if len(self._forecasts) > KEPT_FORECASTS + SPARE_FORECASTS:
                kept = sorted(self._forecasts.items(), key=lambda item: item[0][1])[-KEPT_FORECASTS:]
                self._forecasts = dict(kept)

    def publish(self) -> None:
        """Make what was absorbed visible; scores the forecasts whose horizon has ended since."""
        from producers.sessions import nyse  # its calendar takes a second to import

        closes = {symbol: dict(series) for symbol, series in self._closes.items()}
        self._record = replace(
            self._record,
            closes=closes,
            recent={symbol: dict(sorted(series.items())[-RECENT:]) for symbol, series in closes.items()},
            forecasts=len(self._forecasts),
            newest_forecast=max((day for _, day in self._forecasts), default=0),
            matured=self._scores.scored(self._forecasts, closes, nyse()),
            fitted={key: tuple(one.garch) for key, one in self._forecasts.items() if one.garch},
            trial=self._trial(),
            revision=self._record.revision + 1,
        )

    def _trial(self) -> list[Forecast]:
        """In the order in which they were made, the champion's of a session first."""
        first = min((day for _, day in self._challenger), default=0)
        if not first:
            return []
        beside = [one for (_, day), one in self._forecasts.items() if day >= first]
        both = sorted([*beside, *self._challenger.values()], key=lambda one: (one.session_date, one.symbol))
        return both[:KEPT_TRIAL]

    def polled(self, consumer: Any) -> None:
        """The lag alone is no news to score again for."""
        now = time.monotonic()
        if now - self._lag_at > LAG_EVERY_S:
            self._lag_at = now
            pipeline = self._record.pipeline.followed_by(self._lag(consumer))
            self._record = replace(self._record, pipeline=pipeline)
        if self._moved and now - self._scored_at > SCORE_EVERY_S:
            self._moved, self._scored_at = False, now
            self.publish()
        if self._record.status:
            self._record = replace(self._record, status="")

    def away(self, why: str) -> None:
        status = f"The record of prices and forecasts is not available: {why}."
        self._record = replace(self._record, status=status)

    def _lag(self, consumer: Any) -> Pipeline:
        """Raises when the broker does not answer."""
        from kafka import TopicPartition
        from kafka.admin import KafkaAdminClient

        def ends(topic: str) -> tuple[int, dict[Any, int]]:
            found = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
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
