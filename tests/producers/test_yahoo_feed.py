"""The Yahoo feed against the stand-in: what it yields, compared with what was sent, whatever goes wrong between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from producers.errors import FixAndRestart
from producers.sessions import nyse
from producers.tick import Mark
from producers.tick_batch import TickBatch
from producers.universe import Universe, load_universe
from producers.yahoo_feed import YahooFeed
from producers.yahoo_stream import Pace
from tests.stubs import SESSION, close_ms
from tests.yahoo.market import endless_series, session_series
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


@pytest.fixture
def market(yahoo: Yahoo) -> Yahoo:
    """Two symbols with a past that ends the day before the script begins."""
    yahoo.series["^IXIC"] = session_series("^IXIC", SESSION - 1)
    yahoo.series["BTC-USD"] = endless_series("BTC-USD", SESSION - 1)
    return yahoo


@pytest.fixture
def driven(market: Yahoo, tmp_path: Path) -> Iterator[Driven]:  # noqa: ARG001  # its environment
    one = Driven(tmp_path / "yahoo")
    yield one
    one.close()


def test_a_second_start_has_nothing_new(market: Yahoo, driven: Driven, tmp_path: Path) -> None:
    first = driven.history()
    assert {str(batch.symbol[0]) for batch in first} == {"^IXIC", "BTC-USD"}
    assert all(batch.whole for batch in first)
    version = driven.feed.data_hash()
    second = Driven(tmp_path / "yahoo")
    assert [batch.whole for batch in second.history()] == [False, False]  # filtered by what is in the log
    assert second.feed.data_hash() == version
    assert (
        market.asked["query2.finance.yahoo.com/v8/finance/chart/^IXIC"]
        + market.asked["query2.finance.yahoo.com/v8/finance/chart/%5EIXIC"]
    )


def test_a_revised_past_is_published_again_and_the_old_one_can_still_be_read(
    market: Yahoo, driven: Driven, tmp_path: Path
) -> None:
    driven.history()
    before = driven.feed._store.current()
    market.series["^IXIC"].adjusted = 0.99  # a dividend
    again = {str(batch.symbol[0]): batch for batch in Driven(tmp_path / "yahoo").history()}
    assert (again["^IXIC"].whole, again["BTC-USD"].whole) == (True, False)
    store = driven.feed._store
    assert store.current()["^IXIC"] != before["^IXIC"]
    old = store.read("^IXIC", before["^IXIC"])
    assert old is not None
    assert again["^IXIC"].price[0] == pytest.approx(0.99 * old.price[0])


def test_last_digits_are_no_revision(market: Yahoo, driven: Driven, tmp_path: Path) -> None:
    driven.history()
    version = driven.feed.data_hash()
    market.series["^IXIC"].adjusted = 1.0000001
    second = Driven(tmp_path / "yahoo")
    assert not any(batch.whole for batch in second.history())
    assert second.feed.data_hash() == version


def test_no_network_at_the_start_then_one(market: Yahoo, driven: Driven) -> None:
    market.offline = True
    assert driven.history() == []
    assert driven.feed.condition().blocks_training == "no history of any asset"
    driven.until(lambda: driven.feed.condition().state == "offline", "it says so")
    market.offline = False
    driven.until(lambda: len(driven.live(whole=True)) == 300, "the whole past is there")
    driven.until(lambda: not driven.feed.condition().blocks_training, "nothing is missing")


def test_no_network_at_a_later_start_publishes_what_is_on_the_disk(
    market: Yahoo, driven: Driven, tmp_path: Path
) -> None:
    expected = [len(batch) for batch in driven.history()]
    market.offline = True
    assert [len(batch) for batch in Driven(tmp_path / "yahoo").history()] == expected


def test_live_quotes_arrive_complete_through_everything_that_goes_wrong(
    market: Yahoo, driven: Driven
) -> None:
    driven.history()
    sent: list[tuple[int, float]] = []

    def quote(number: int) -> None:
        at = driven.now_ms + number * 1000
        market.send("^IXIC", 100.0 + number / 8, at, day_volume=number)
        sent.append((at, 100.0 + number / 8))

    driven.subscribed(market)
    for number in range(5):
        quote(number)
    market.send("^IXIC", 100.5, driven.now_ms + 4000, day_volume=4)  # the last one again
    for junk in ("{", "[]", '{"message": "?"}', '{"message": "AAAA"}', "null"):
        market.send_raw(junk)
    market.send("NOPE", 1.0, driven.now_ms)
    quote(5)
    driven.until(lambda: len(driven.live()) == 6, "before the reset")
    for interruption in (market.cut, market.hang_up):
        interruption()
        driven.subscribed(market)
        market.send("^IXIC", sent[-1][1], sent[-1][0], day_volume=len(sent) - 1)  # as Yahoo does at first
        quote(len(sent))
        driven.until(lambda: len(driven.live()) >= len(sent), "after it")
    assert driven.live() == sent
    left_out = driven.feed.condition().left_out
    assert left_out["duplicate"] >= 1
    assert left_out["unreadable"] >= 4
    assert left_out["not asked for"] == 1


def test_an_hour_without_a_network_is_filled_with_its_minutes(market: Yahoo, driven: Driven) -> None:
    driven.history()
    driven.subscribed(market)
    begin = driven.now_ms
    market.send("^IXIC", 100.0, begin, day_volume=1)
    driven.until(lambda: driven.live(), "the first quote")
    market.offline = True
    market.cut()
    driven.until(lambda: driven.feed.condition().state == "offline", "the outage is known")
    minute = begin // 60_000 * 60
    market.series["^IXIC"].minutes = {minute + 60 * i: 101.0 + i for i in range(61)}
    driven.now_ms = begin + 3_600_000
    market.offline = False
    driven.subscribed(market)
    driven.until(lambda: len(driven.live()) >= 60, "the minutes")
    market.send("^IXIC", 200.0, driven.now_ms + 1_000, day_volume=2)
    driven.until(lambda: driven.live()[-1][1] == 200.0, "live again")
    got = driven.live()
    times = [ms for ms, _ in got]
    assert times == sorted(set(times))
    missed = [(1000 * (minute + 60 * (i + 1)), 101.0 + i) for i in range(61)]
    finished = [one for one in missed if begin < one[0] <= driven.now_ms]
    assert got == [(begin, 100.0), *finished, (driven.now_ms + 1_000, 200.0)]


def further(market: Yahoo, last: int, *prices: float) -> None:
    """The official closes of the sessions that end with `last` are there as well."""
    days = list(session_series("^IXIC", last, len(prices)).daily)
    market.series["^IXIC"].daily.update(zip(days, prices, strict=True))


def test_an_outage_across_closes_leaves_no_session_out(market: Yahoo, driven: Driven) -> None:
    driven.history()
    driven.subscribed(market)
    begin = driven.now_ms
    market.send("^IXIC", 100.0, begin, day_volume=1)
    driven.until(lambda: driven.live(), "the first quote")
    market.offline = True
    market.cut()
    driven.until(lambda: driven.feed.condition().state == "offline", "the outage is known")
    further(market, SESSION + 1, 101.0, 102.0)
    driven.now_ms = close_ms(SESSION + 1) + 7_200_000
    minute = close_ms(SESSION + 1) // 1000 - 600
    market.series["^IXIC"].minutes = {minute + 60 * i: 103.0 + i for i in range(20)}
    market.offline = False
    driven.until(lambda: len(driven.live()) == 23, "the closes and minutes")
    got = driven.live()
    assert [ms for ms, _ in got] == sorted(ms for ms, _ in got)
    assert got[:2] == [(begin, 100.0), (close_ms(SESSION), 101.0)]
    at_close = [price for ms, price in got if ms == close_ms(SESSION + 1)]
    assert at_close[-1] == 102.0  # the official price is the last word
    assert driven.live(whole=True) == []


def test_a_close_that_comes_after_later_minutes_brings_the_whole_past(market: Yahoo, driven: Driven) -> None:
    driven.history()
    driven.subscribed(market)
    market.send("^IXIC", 100.0, driven.now_ms - 20_000_000, day_volume=1)
    driven.now_ms = close_ms(SESSION) + 30_000
    market.send("^IXIC", 101.0, driven.now_ms, day_volume=2)  # nothing just before the close
    driven.until(lambda: len(driven.live()) == 2, "both quotes")
    further(market, SESSION, 102.0)
    driven.now_ms = close_ms(SESSION) + 120_000
    driven.until(lambda: driven.live(whole=True), "the past")
    assert driven.live(whole=True)[-1] == (close_ms(SESSION), 102.0)


def test_a_close_that_halves_the_price_brings_the_whole_past(market: Yahoo, driven: Driven) -> None:
    driven.history()
    driven.subscribed(market)
    half = list(market.series["^IXIC"].daily.values())[-1] / 2
    market.send("^IXIC", half, close_ms(SESSION) - 60_000, day_volume=1)
    driven.now_ms = close_ms(SESSION) + 30_000
    market.send("^IXIC", half, driven.now_ms, day_volume=2)
    driven.until(lambda: len(driven.live()) == 2, "both quotes")
    further(market, SESSION, half)
    driven.now_ms = close_ms(SESSION) + 120_000
    driven.until(lambda: driven.live(whole=True), "the past")
    assert driven.live(whole=True)[-1] == (close_ms(SESSION), pytest.approx(half, rel=1e-4))


def test_a_stream_that_says_nothing_is_replaced_by_polling(market: Yahoo, driven: Driven) -> None:
    driven.history()
    market.no_stream = True
    minute = driven.now_ms // 60_000 * 60
    market.series["^IXIC"].minutes = {minute - 60 * i: 100.0 + i for i in range(1, 4)}
    driven.until(lambda: driven.feed.condition().state == "polling", "polling")
    assert [price for _, price in driven.live()] == [103.0, 102.0, 101.0]
    market.fault = "429"
    driven.until(lambda: driven.feed.condition().state == "offline", "the limit is named")
    market.fault, market.no_stream = "", False
    driven.subscribed(market)
    market.send("^IXIC", 99.0, driven.now_ms, day_volume=1)
    driven.until(lambda: driven.live()[-1][1] == 99.0, "the stream is back")
    assert driven.feed.condition().state == "live"


def test_a_silent_stream_is_connected_again(market: Yahoo, driven: Driven) -> None:
    driven.history()
    driven.subscribed(market)
    before = market.subscriptions
    driven.until(lambda: market.subscriptions > before + 1, "new connections")


def test_a_closed_market_is_not_silent(market: Yahoo, tmp_path: Path) -> None:
    one = Driven(tmp_path / "yahoo", Universe([EVERYTHING.asset[1]]))
    one.now_ms = close_ms(SESSION) + 3 * 3_600_000
    one.history()
    one.subscribed(market)
    one.until(lambda: one.feed.condition().state == "closed", "closed")
    one.close()


def test_quotes_are_marked(market: Yahoo, driven: Driven) -> None:
    driven.history()
    driven.subscribed(market)
    at = driven.now_ms
    market.send("^IXIC", 100.0, at, last_size=7, currency="USD")
    market.send("^IXIC", 99.0, at - 6_000)
    market.send("^IXIC", 98.0, at + 1_000, currency="EUR")
    market.send("^IXIC", 97.0, close_ms(SESSION) + 60_000, market_hours=2)
    market.send("BTC-USD", 96.0, close_ms(SESSION) + 60_000, market_hours=2)
    saturday = next(ms for ms in nyse().close_ms[SESSION:] if nyse().is_weekend(int(ms) + 40 * 3_600_000))
    market.send("^IXIC", 95.0, int(saturday) + 40 * 3_600_000)
    driven.until(lambda: sum(map(len, driven.got)) == 6, "six ticks")
    marks = np.concatenate([batch.mark for batch in driven.got if batch.mark is not None]).tolist()
    assert marks == [0, Mark.STALE, Mark.UNIT_CHANGED, Mark.POST_MARKET, 0, Mark.OUT_OF_SESSION]
    assert driven.got[0].size is not None
    assert driven.got[0].size[0] == 7


def test_after_a_close_the_official_price_is_fetched(market: Yahoo, driven: Driven) -> None:
    driven.history()
    driven.subscribed(market)
    market.series["^IXIC"] = session_series("^IXIC", SESSION, 301)
    for day, price in session_series("^IXIC", SESSION - 1).daily.items():
        market.series["^IXIC"].daily[day] = price
    driven.now_ms = close_ms(SESSION) + 120_000
    driven.until(lambda: driven.live(), "the close")
    assert [ms for ms, _ in driven.live()] == [close_ms(SESSION)]


def test_a_history_that_another_process_has_fetched_is_published(
    market: Yahoo, driven: Driven, tmp_path: Path
) -> None:
    driven.history()
    driven.subscribed(market)
    market.series["^IXIC"].adjusted = 0.9
    list(Driven(tmp_path / "yahoo").feed.history())
    driven.until(lambda: len(driven.live(whole=True)) == 300, "the revised past")


def test_an_unknown_symbol_is_named_with_its_line(market: Yahoo, tmp_path: Path) -> None:
    assert "OOPS.X" not in market.series
    file = tmp_path / "universe.toml"
    table = '[[asset]]\nid = "{0}"\nsymbol = "{1}"\nname = "{0}"\nkind = "price"\ncalendar = "sessions"\nunit = "USD"\n'
    file.write_text(table.format("nasdaq", "^IXIC") + "\n" + table.format("oops", "OOPS.X"))
    feed = YahooFeed(load_universe(file), tmp_path / "yahoo", file)
    with pytest.raises(FixAndRestart, match=rf"{file}:9: Yahoo knows no symbol 'OOPS.X'"):
        list(feed.history())


def test_a_symbol_that_is_delisted_later_is_a_problem_and_no_end(
    market: Yahoo, driven: Driven, tmp_path: Path
) -> None:
    driven.history()
    del market.series["^IXIC"]
    later = Driven(tmp_path / "yahoo")
    assert len(later.history()) == 2
    assert "delisted?" in later.feed.condition().problems["^IXIC"]


def test_a_quote_from_the_future_does_not_hide_what_follows(market: Yahoo, driven: Driven) -> None:
    driven.history()
    driven.subscribed(market)
    market.send("^IXIC", 1.0, driven.now_ms + 86_400_000)  # the stream refuses it: ahead_of_clock
    market.send("^IXIC", 100.0, driven.now_ms)
    driven.until(lambda: len(driven.live()) == 2, "both")
    assert [batch.mark.tolist() for batch in driven.got if batch.mark is not None][-1][-1] == Mark.NONE


def test_a_history_that_the_log_has_lost_comes_whole_with_its_minutes(market: Yahoo, driven: Driven) -> None:
    driven.history()
    minute = driven.now_ms // 60_000 * 60
    market.series["^IXIC"].minutes = {minute - 60 * i: 100.0 + i for i in range(1, 4)}
    again = {str(batch.symbol[0]): batch for batch in driven.feed.history(through_ms=1)}
    assert all(batch.whole for batch in again.values())
    assert again["^IXIC"].price[-3:].tolist() == [103.0, 102.0, 101.0]
    assert len(again["^IXIC"]) == 303
