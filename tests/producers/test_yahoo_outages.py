"""The Yahoo feed when the stream is cut, silent or gone: what it yields, compared with what was sent."""

from __future__ import annotations

from pathlib import Path

from producers.universe import Universe
from tests.producers.driven_feed import EVERYTHING, Driven, further
from tests.stubs import SESSION, close_ms
from tests.yahoo.server import Yahoo


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
    begin = driven.lose_the_network(market)
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


def test_an_outage_across_closes_leaves_no_session_out(market: Yahoo, driven: Driven) -> None:
    begin = driven.lose_the_network(market)
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
