"""The Yahoo feed at a session's close, and the marks of quotes around it."""

from __future__ import annotations

import numpy as np
import pytest

from producers.sessions import nyse
from producers.tick import Mark
from tests.producers.driven_feed import Driven, further
from tests.stubs import SESSION, close_ms
from tests.yahoo.market import session_series
from tests.yahoo.server import Yahoo


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


def test_after_a_close_the_official_price_is_fetched(market: Yahoo, driven: Driven) -> None:
    driven.history()
    driven.subscribed(market)
    market.series["^IXIC"] = session_series("^IXIC", SESSION, 301)
    for day, price in session_series("^IXIC", SESSION - 1).daily.items():
        market.series["^IXIC"].daily[day] = price
    driven.now_ms = close_ms(SESSION) + 120_000
    driven.until(lambda: driven.live(), "the close")
    assert [ms for ms, _ in driven.live()] == [close_ms(SESSION)]


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


def test_a_quote_from_the_future_does_not_hide_what_follows(market: Yahoo, driven: Driven) -> None:
    driven.history()
    driven.subscribed(market)
    market.send("^IXIC", 1.0, driven.now_ms + 86_400_000)  # the stream refuses it: ahead_of_clock
    market.send("^IXIC", 100.0, driven.now_ms)
    driven.until(lambda: len(driven.live()) == 2, "both")
    assert [batch.mark.tolist() for batch in driven.got if batch.mark is not None][-1][-1] == Mark.NONE
