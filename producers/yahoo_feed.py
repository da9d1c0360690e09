"""Feed `yahoo`: the whole past, then live quotes; polled minutes where the stream is away.

What is on the disk (history_store.py) counts until Yahoo answers: a start without a network publishes it and goes
on trying. A past that Yahoo has revised (a dividend, a split, a correction) is published again as a whole. Ticks are
never out of order because of us: closes and minutes that were missed are fetched before live quotes go on, and where
that is too late the past is published again as a whole.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from producers.errors import FixAndRestart, TryAgain
from producers.feed_report import Condition
from producers.history_store import CURRENT, History, HistoryStore
from producers.sessions import missing_sessions, nyse
from producers.tick_batch import NOTHING, TickBatch
from producers.universe import Universe, where
from producers.yahoo_client import NoSuchSymbol, YahooClient, now_ms
from producers.yahoo_quotes import Quotes
from producers.yahoo_stream import Connected, Lost, Pace, Quote, YahooStream

log = logging.getLogger("producers.yahoo")

INTRADAY_DAYS = 5  # of minutes that are published with a whole history
WAIT_S = 0.5
SPLIT_LIKE = 1.45  # from close to close: the stream refuses such quotes until a history agrees


class YahooFeed:
    """Every asset of the universe, by its Yahoo symbol."""

    name = "yahoo"

    def __init__(
        self,
        universe: Universe,
        folder: Path,
        universe_file: Path | None = None,
        pace: Pace | None = None,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        """folder : where histories and yfinance's cookie are kept."""
        self._universe, self._universe_file = universe, universe_file
        self._pace, self._clock_ms = pace or Pace(), clock_ms
        self._sessions = nyse()
        self._store = HistoryStore(folder / "histories")
        self._client = YahooClient(folder / "yfinance")
        self._quotes = Quotes(universe, self._sessions)
        self._condition = Condition("starting")
        self._published: dict[str, str] = {}  # symbol -> hash of what this process has published
        self._polls_failed = 0
        self._next_poll = self._next_update = 0.0
        self._closes_seen = 0

    def condition(self) -> Condition:
        """How the feed is."""
        self._condition.history_version = self._store.version()
        self._condition.left_out = dict(self._quotes.left_out)
        return self._condition

    def data_hash(self) -> str:
        return self._store.version()

    def history(self, through_ms: int = 0) -> Iterator[TickBatch]:
        """One batch per symbol, whole where it is new or was revised. Without a network: what is on the disk.

        through_ms : other than 0 all are whole, with their last minutes; a history always reaches to now.
        """
        yield from self._update(everything=True, again=through_ms != 0)

    def _update(
        self, everything: bool = False, again: bool = False, missed: bool = False
    ) -> Iterator[TickBatch]:
        """Ask for every history; yields what must be published. It counts once the caller comes back.

        missed : there was no stream for a while: new closes come with the minutes between them.
        """
        revised: list[str] = []
        failed: dict[str, str] = {}
        for asset in self._universe.asset:
            held = self._store.read(asset.symbol)
            try:
                latest, changed = self._client.history(asset, self._clock_ms()), 0
                if held is not None:
                    latest, changed = held.merged(latest)
            except NoSuchSymbol as error:
                if held is None:
                    line = where(asset.symbol, self._universe_file)
                    raise FixAndRestart(f"{line}: Yahoo knows no symbol {asset.symbol!r}: {error}") from error
                failed[asset.symbol] = f"delisted? {error}"
                latest, changed = held, 0
            except TryAgain as error:
                failed[asset.symbol] = str(error)
                if held is None:
                    continue
                latest, changed = held, 0
            if changed:
                revised.append(asset.symbol)
                log.warning(
                    "%s: Yahoo has revised %d closes; its past is published again", asset.symbol, changed
                )
            self._quotes.currency[asset.symbol] = latest.currency
            whole = again or held is None or changed > 0
            if not whole and held is not None and (why := self._why_again(latest, int(held.event_ms[-1]))):
                log.warning("%s: %s; its past is published again", asset.symbol, why)
                whole = True
            yield from self._publish(latest, whole, everything, missed)
            self._quotes.forget(asset.symbol, int(latest.event_ms[-1]))
            if held is None or latest.hash != held.hash:
                self._store.write(latest)
            self._published[asset.symbol] = latest.hash
        self._condition.problems = failed
        self._condition.gaps = self._gaps()
        missing = [asset.symbol for asset in self._universe.asset if asset.symbol not in self._published]
        # One asset that is missing is left out of the forecasts; the others need not wait for it.
        nothing = len(missing) == len(self._universe.asset)
        self._condition.blocks_training = "no history of any asset" if nothing else ""
        if failed:
            log.warning("histories: %s", "; ".join(failed.values()))
        self._next_update = time.monotonic() + (self._pace.update_again_s if failed else 365 * 86_400.0)

    def _why_again(self, latest: History, told_ms: int) -> str:
        """Why closes after those that were published do not go out as ticks; empty when they may."""
        rate = any(asset.symbol == latest.symbol and asset.kind == "rate" for asset in self._universe.asset)
        for at in np.flatnonzero(latest.event_ms > told_ms).tolist():
            close_ms = int(latest.event_ms[at])
            if self._quotes.slept_through(latest.symbol, close_ms):
                return f"nothing was published before the close of {self._date(close_ms)}"
            before, price = latest.price[max(at - 1, 0)], latest.price[at]
            if not rate and max(before / price, price / before) >= SPLIT_LIKE:
                return f"{before:g} became {price:g} on {self._date(close_ms)}, and its quotes may have been refused"
        return ""

    def _date(self, close_ms: int) -> str:
        return str(self._sessions.date[self._sessions.index_at(close_ms)])

    def _publish(
        self, history: History, whole: bool, everything: bool, missed: bool = False
    ) -> Iterator[TickBatch]:
        ticks = TickBatch(
            np.full(len(history.price), history.symbol),
            history.event_ms,
            history.price,
            whole=whole,
            settled=True,
        )
        if whole:
            ticks = _with_minutes(ticks, self._minutes([history.symbol], INTRADAY_DAYS))
            newest = int(ticks.event_ms[-1])
            self._quotes.newest[history.symbol] = max(newest, self._quotes.newest.get(history.symbol, newest))
            yield ticks
        elif everything:
            yield ticks
        else:
            after = ticks.take(ticks.event_ms > self._quotes.newest.get(history.symbol, -(2**60)))
            if missed and len(after):
                after = _with_minutes(after, self._minutes([history.symbol], INTRADAY_DAYS))
            yield self._quotes.newer(after)

    def _minutes(self, symbols: list[str], days: int) -> TickBatch:
        try:
            return self._client.minutes(symbols, self._clock_ms(), days)
        except TryAgain as error:
            log.info("no minutes: %s", error)
            return NOTHING

    def _gaps(self) -> dict[str, list[int]]:
        found = {}
        for asset in self._universe.asset:
            history = self._store.read(asset.symbol)
            if history is not None and asset.calendar == "sessions":
                found[asset.symbol] = missing_sessions(history.event_ms)
        return found

    def live(self, newest: Mapping[str, int]) -> Iterator[TickBatch]:
        """Quotes as they come, for ever; an empty batch now and then, so that the caller can look around."""
        for symbol, event_ms in newest.items():
            self._quotes.newest[symbol] = max(event_ms, self._quotes.newest.get(symbol, event_ms))
        stream = YahooStream(self._universe.symbols, self._pace, self._expects_quotes)
        stream.start()
        connected, heard = False, False
        last_heard = -(2.0**60)
        self._closes_seen = self._sessions.index_at(self._clock_ms())
        told = self._changed_on_disk()
        try:
            while True:
                for event in _grouped(stream.events(WAIT_S)):
                    if isinstance(event, Connected):
                        connected = True
                        if time.monotonic() - last_heard >= self._pace.fill_after_s:
                            yield from self._fill()
                        self._say_connected()
                    elif isinstance(event, Lost):
                        connected = heard = False
                        self._say("offline", f"no stream: {event.why}")
                    else:
                        heard, last_heard = True, time.monotonic()
                        ticks = self._quotes.ticks(event, self._clock_ms())
                        if len(ticks):
                            yield ticks
                        self._say_connected()
                if not (connected and (heard or not self._expects_quotes())):
                    if time.monotonic() >= self._next_poll:
                        yield from self._fill()
                elif connected and not self._expects_quotes():
                    self._say_connected()
                yield from self._after_close()
                if time.monotonic() >= self._next_update:
                    yield from self._update()
                if (now := self._changed_on_disk()) != told:
                    told = now
                    yield from self._from_disk()
                yield NOTHING
        finally:
            stream.stop()

    def _after_close(self, missed: bool = False) -> Iterator[TickBatch]:
        """The official closes, once a session is over and settled."""
        if (closed := self._closed_sessions()) > self._closes_seen:
            self._closes_seen = closed
            yield from self._update(missed=missed)

    def _fill(self) -> Iterator[TickBatch]:
        """Minutes since the newest ticks, after closes that were missed: those of one day hide the days before.

        Failures are polled for ever less often, up to a quarter of an hour.
        """
        yield from self._after_close(missed=True)
        try:
            ticks = self._quotes.newer(self._client.minutes(self._universe.symbols, self._clock_ms()))
        except TryAgain as error:
            self._polls_failed += 1
            pause = min(self._pace.poll_s * 2.0**self._polls_failed, self._pace.poll_slowest_s)
            self._say("offline", str(error))
        else:
            self._polls_failed, pause = 0, self._pace.poll_s
            if len(ticks):
                self._say("polling", "the stream gives nothing; minutes are polled")
                yield ticks
        self._next_poll = time.monotonic() + pause

    def _say_connected(self) -> None:
        if self._expects_quotes():
            self._say("live", "")
        else:
            self._say("closed", "no market of the universe is open")

    def _say(self, state: str, detail: str) -> None:
        if state != self._condition.state:
            log.info("feed: %s%s", state, f" ({detail})" if detail else "")
        self._condition.state, self._condition.detail = state, detail  # type: ignore[assignment]  # one of State

    def _expects_quotes(self) -> bool:
        always = any(asset.calendar == "always" for asset in self._universe.asset)
        return always or self._sessions.is_open(self._clock_ms())

    def _closed_sessions(self) -> int:
        """Sessions whose close is long enough ago for Yahoo to have settled it."""
        return self._sessions.index_at(self._clock_ms() - int(1000 * self._pace.update_after_close_s))

    def _changed_on_disk(self) -> int:
        """Changes when `allocast backfill`, another process, has written histories."""
        try:
            return (self._store.folder / CURRENT).stat().st_mtime_ns
        except OSError:
            return 0

    def _from_disk(self) -> Iterator[TickBatch]:
        """Publish the histories that another process has written."""
        for symbol, name in self._store.current().items():
            if self._published.get(symbol) != name and (history := self._store.read(symbol)) is not None:
                yield from self._publish(history, whole=True, everything=False)
                self._published[symbol] = name


def _grouped(events: list[Connected | Lost | Quote]) -> Iterator[Connected | Lost | list[Quote]]:
    """The same in order, with quotes that follow each other together."""
    quotes: list[Quote] = []
    for event in events:
        if isinstance(event, dict):
            quotes.append(event)
            continue
        if quotes:
            yield quotes
            quotes = []
        yield event
    if quotes:
        yield quotes


def _with_minutes(closes: TickBatch, minutes: TickBatch) -> TickBatch:
    """A whole history whose last days are minutes as well; at equal times the daily close is the last word."""
    event_ms = np.concatenate([minutes.event_ms, closes.event_ms])
    order = np.argsort(event_ms, kind="stable")
    price = np.concatenate([minutes.price, closes.price])
    known = np.full(len(minutes), np.nan) if minutes.size is None else minutes.size
    size = np.concatenate([known, np.full(len(closes), np.nan)])
    symbol = np.concatenate([minutes.symbol, closes.symbol]).astype(closes.symbol.dtype)
    return TickBatch(
        symbol[order], event_ms[order], price[order], size[order], None, closes.whole, closes.settled
    )
