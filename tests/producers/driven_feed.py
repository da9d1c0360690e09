"""The Yahoo feed against the stand-in, with a clock that is the script's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from producers.tick_batch import TickBatch
from producers.universe import Universe, load_universe
from producers.yahoo_feed import YahooFeed
from producers.yahoo_stream import Pace
from tests.stubs import SESSION, close_ms
from tests.yahoo.market import session_series
from tests.yahoo.server import Yahoo

EVERYTHING = load_universe()
UNIVERSE = Universe([EVERYTHING.asset[1], EVERYTHING.asset[3]])  # NASDAQ and bitcoin
FAST = Pace(connect_s=5, silence_s=0.4, backoff_s=(0.01, 0.05), fill_after_s=0.0, poll_s=0.05, poll_slowest_s=0.1,
            update_after_close_s=60, update_again_s=0.1)  # fmt: skip


class Driven:
    """A feed whose clock is the script's, pulled by the test."""

    def __init__(self, folder: Path, universe: Universe = UNIVERSE, pace: Pace = FAST) -> None:
        self.now_ms = close_ms(SESSION) - 3_600_000
        self.feed = YahooFeed(universe, folder, pace=pace, clock_ms=lambda: self.now_ms)
        self.got: list[TickBatch] = []
        self._live: Iterator[TickBatch] | None = None

    def history(self) -> list[TickBatch]:
        return [one for one in self.feed.history() if len(one)]

    def until(self, done: Callable[[], object], what: str, deadline_s: float = 20.0) -> None:
        """Pull live batches until the condition holds."""
        self._live = self._live or self.feed.live({})
        end = time.monotonic() + deadline_s
        while not done():
            assert time.monotonic() < end, f"still not: {what}; {self.feed.condition()}"
            batch = next(self._live)
            if len(batch):
                self.got.append(batch)

    def subscribed(self, yahoo: Yahoo) -> None:
        self.until(lambda: yahoo.subscribed, "subscribed")

    def lose_the_network(self, yahoo: Yahoo) -> int:
        """After one quote of NASDAQ at 100, of which the time is returned."""
        self.history()
        self.subscribed(yahoo)
        begin = self.now_ms
        yahoo.send("^IXIC", 100.0, begin, day_volume=1)
        self.until(lambda: self.live(), "the first quote")
        yahoo.offline = True
        yahoo.cut()
        self.until(lambda: self.feed.condition().state == "offline", "the outage is known")
        return begin

    def live(self, symbol: str = "^IXIC", whole: bool = False) -> list[tuple[int, float]]:
        """(event time, price) of everything pulled of one symbol, in order."""
        return [
            (int(ms), round(float(price), 4))
            for batch in self.got
            if batch.whole is whole
            for name, ms, price in zip(batch.symbol, batch.event_ms, batch.price, strict=True)
            if name == symbol
        ]

    def close(self) -> None:
        if self._live is not None:
            self._live.close()  # type: ignore[attr-defined]  # it is a generator


def further(market: Yahoo, last: int, *prices: float) -> None:
    """The official closes of the sessions that end with `last` are there as well."""
    days = list(session_series("^IXIC", last, len(prices)).daily)
    market.series["^IXIC"].daily.update(zip(days, prices, strict=True))
