"""`feed/1` on `feeds.status`: how the feed is, for `allocast status`, `allocast doctor` and the page."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from producers import topics
from producers.tick_batch import TickBatch

if TYPE_CHECKING:
    from kafka import KafkaProducer

SCHEMA = "feed/1"
State = Literal["starting", "live", "polling", "offline", "closed", "ended"]
EVERY_S = 5.0
MAX_GAPS = 20


class SymbolReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was published of one symbol."""

    symbol: str
    last_event_ms: int | None = None  # exchange time of the newest tick, ms since epoch, UTC
    last_seen_ms: int | None = None  # when it was published
    ticks: int = 0  # since the producer's start, history included
    history: int = 0  # of these
    missing_sessions: int = 0  # between the first and the last close of the history
    gaps: list[int] = []  # yyyymmdd of the newest of them, at most MAX_GAPS
    problem: str = ""

    @property
    def lag_ms(self) -> int | None:
        """How long after the exchange the newest tick was published."""
        both = self.last_seen_ms is not None and self.last_event_ms is not None
        return self.last_seen_ms - self.last_event_ms if both else None  # type: ignore[operator]


class FeedReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """The feed as its producer sees it. A report that is older than a minute is of a producer that is gone."""

    feed: str
    asked: str  # the option: auto may have become yahoo or simulated
    state: State
    since_ms: int  # since when it is in this state
    at_ms: int
    detail: str = ""  # why, in words
    offered: str = ""  # what a person may do now, like going back to live prices
    blocks_training: str = ""  # why no model should be trained on this data now; quality never asks for one
    history_version: str = ""
    left_out: dict[str, int] = {}  # quotes that became no tick, by reason
    symbols: list[SymbolReport] = []


class Condition(msgspec.Struct):
    """What a feed says about itself; the rest of a report is counted where it publishes."""

    state: State = "live"
    detail: str = ""
    offered: str = ""
    blocks_training: str = ""
    history_version: str = ""
    left_out: dict[str, int] = {}
    problems: dict[str, str] = {}  # by symbol
    gaps: dict[str, list[int]] = {}  # missing sessions by symbol, yyyymmdd


class Reporter:
    """Counts what is published and says how the feed is, whenever that changes and every few seconds."""

    def __init__(self, kafka: KafkaProducer, feed: str, asked: str, symbols: list[str]) -> None:
        self._kafka, self._feed, self._asked = kafka, feed, asked
        self._symbols = {symbol: SymbolReport(symbol) for symbol in symbols}
        self._since_ms, self._said = int(time.time() * 1000), 0.0
        self._last: tuple[str, str, str] | None = None

    def published(self, ticks: TickBatch, history: bool) -> None:
        """A batch has gone out."""
        now = int(time.time() * 1000)
        for symbol in np.unique(ticks.symbol):
            mine = ticks.event_ms[ticks.symbol == symbol]
            one = self._symbols.get(str(symbol))
            if one is not None:
                self._symbols[str(symbol)] = msgspec.structs.replace(
                    one,
                    last_event_ms=max(int(mine.max()), one.last_event_ms or -(2**60)),
                    last_seen_ms=now,
                    ticks=one.ticks + len(mine),
                    history=one.history + (len(mine) if history else 0),
                )

    def report(self, condition: Condition) -> None:
        """Say it if it is new, or was said a while ago."""
        now, new = int(time.time() * 1000), (condition.state, condition.detail, condition.offered)
        if self._last is None or self._last[0] != condition.state:
            self._since_ms = now
        if new == self._last and time.monotonic() - self._said < EVERY_S:
            return
        self._last, self._said = new, time.monotonic()
        symbols = [
            msgspec.structs.replace(
                one,
                problem=condition.problems.get(one.symbol, ""),
                missing_sessions=len(condition.gaps.get(one.symbol, ())),
                gaps=condition.gaps.get(one.symbol, [])[-MAX_GAPS:],
            )
            for one in self._symbols.values()
        ]
        report = FeedReport(
            feed=self._feed,
            asked=self._asked,
            state=condition.state,
            since_ms=self._since_ms,
            at_ms=now,
            detail=condition.detail,
            offered=condition.offered,
            blocks_training=condition.blocks_training,
            history_version=condition.history_version,
            left_out=condition.left_out,
            symbols=symbols,
        )
        self._kafka.send(
            topics.FEEDS,
            key=self._feed.encode(),
            value=msgspec.json.encode(report),
            headers=topics.schema_header(SCHEMA),
        )
