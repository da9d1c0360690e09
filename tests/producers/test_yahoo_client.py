"""The real yfinance against the stand-in: histories, minutes, and every way in which Yahoo refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from producers.errors import TryAgain
from producers.sessions import nyse
from producers.universe import load_universe
from producers.yahoo_client import NoSuchSymbol, YahooClient, answers
from tests.stubs import SESSION, close_ms
from tests.yahoo.market import endless_series, session_series
from tests.yahoo.server import CRUMB, Yahoo

UNIVERSE = load_universe()
NASDAQ, BITCOIN = UNIVERSE.asset[1], UNIVERSE.asset[3]
NOW_MS = close_ms(SESSION) + 1_000


@pytest.fixture
def client(tmp_path: Path) -> YahooClient:
    return YahooClient(tmp_path / "cache")


def test_a_history_is_known_at_the_closes_of_its_sessions(yahoo: Yahoo, client: YahooClient) -> None:
    yahoo.series["^IXIC"] = session_series("^IXIC", SESSION)
    history = client.history(NASDAQ, NOW_MS)
    assert history.event_ms.tolist() == nyse().close_ms[SESSION - 299 : SESSION + 1].tolist()
    assert history.price.tolist() == pytest.approx(list(yahoo.series["^IXIC"].daily.values()))
    assert history.currency == "USD"
    assert yahoo.asked["query1.finance.yahoo.com/v1/test/getcrumb"] <= 1
    assert CRUMB


def test_a_day_in_progress_is_no_close(yahoo: Yahoo, client: YahooClient) -> None:
    yahoo.series["^IXIC"] = session_series("^IXIC", SESSION)
    assert client.history(NASDAQ, close_ms(SESSION) - 1).event_ms[-1] == close_ms(SESSION - 1)


def test_prices_are_adjusted_up_to_the_last(yahoo: Yahoo, client: YahooClient) -> None:
    yahoo.series["^IXIC"] = session_series("^IXIC", SESSION, adjusted=0.97)
    raw = list(yahoo.series["^IXIC"].daily.values())
    history = client.history(NASDAQ, NOW_MS)
    assert history.price.tolist() == pytest.approx([*(0.97 * price for price in raw[:-1]), raw[-1]])


def test_bitcoin_is_sampled_at_session_closes_where_hours_are_known(
    yahoo: Yahoo, client: YahooClient
) -> None:
    yahoo.series["BTC-USD"] = endless_series("BTC-USD", SESSION)
    history = client.history(BITCOIN, NOW_MS)
    closes = set(nyse().close_ms[SESSION - 9 : SESSION + 1].tolist())
    assert closes <= set(history.event_ms.tolist())
    at = history.event_ms.tolist().index(close_ms(SESSION - 1))
    hour = close_ms(SESSION - 1) // 1000 - 3600
    assert history.price[at] == pytest.approx(yahoo.series["BTC-USD"].hourly[hour])
    assert (np.diff(history.event_ms) > 0).all()


def test_a_bad_print_is_left_out_and_a_crash_is_not(yahoo: Yahoo, client: YahooClient) -> None:
    series = yahoo.series["^IXIC"] = session_series("^IXIC", SESSION)
    days = list(series.daily)
    series.daily[days[200]] *= 0.1
    for day in days[250:]:
        series.daily[day] *= 0.7
    history = client.history(NASDAQ, NOW_MS)
    assert len(history.price) == 299
    assert np.diff(np.log(history.price)).min() < -0.25


@pytest.mark.parametrize("fault", ["429", "500", "html", "empty", "fields"])
def test_every_refusal_means_later(yahoo: Yahoo, client: YahooClient, fault: str) -> None:
    yahoo.series["^IXIC"] = session_series("^IXIC", SESSION)
    yahoo.fault = fault
    with pytest.raises(TryAgain, match=r"\^IXIC"):
        client.history(NASDAQ, NOW_MS)
    with pytest.raises(TryAgain):
        client.minutes(["^IXIC"], NOW_MS)
    assert answers(2.0) is False
    yahoo.fault = ""
    assert len(client.history(NASDAQ, NOW_MS).price) == 300  # nothing of the refusal is remembered


def test_an_unknown_symbol_is_told_from_a_network_that_is_gone(yahoo: Yahoo, client: YahooClient) -> None:
    yahoo.series["^GSPC"] = session_series("^GSPC", SESSION)
    with pytest.raises(NoSuchSymbol):
        client.history(NASDAQ, NOW_MS)
    yahoo.offline = True
    with pytest.raises(TryAgain):
        client.history(NASDAQ, NOW_MS)
    assert answers(2.0) is False


def test_minutes_of_many_symbols_come_together(yahoo: Yahoo, client: YahooClient) -> None:
    minute = close_ms(SESSION) // 1000 - 600
    for number, symbol in enumerate(("^IXIC", "^GSPC")):
        yahoo.series[symbol] = session_series(symbol, SESSION)
        yahoo.series[symbol].minutes = {minute + 60 * i: 100.0 + i + number for i in range(5)}
    ticks = client.minutes(["^IXIC", "^GSPC", "GC=F"], (minute + 240) * 1000)
    assert len(ticks) == 8  # the minute in progress is not finished
    assert ticks.event_ms[0] == (minute + 60) * 1000
    assert ticks.price[ticks.symbol == "^GSPC"].tolist() == [101.0, 102.0, 103.0, 104.0]
