"""Asking Yahoo over HTTP, by yfinance: histories and recent minutes. The only file that knows its data frames.

Prices are adjusted for splits and dividends (yfinance's `auto_adjust`): what a holder gains is the total return, and
raw prices fall by every dividend, and by half at every split, without anybody losing anything. The newest adjusted
price is the raw one, so live ticks go on where the history ends. At the next dividend Yahoo rewrites the past;
then it is published again (yahoo_feed.py).
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from producers.closing_time import closing_time
from producers.errors import AllocastError, TryAgain
from producers.history_store import History
from producers.sessions import Sessions, nyse
from producers.tick_batch import TickBatch
from producers.universe import Asset

log = logging.getLogger("producers.yahoo")

CHART = "https://query2.finance.yahoo.com/v8/finance/chart/{}?range=1d&interval=1d"
PROBE = "^GSPC"  # as good as any
TIMEOUT_S = 10
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
SPIKE_SIGMAS = 8.0
SPIKE_SESSIONS = 63


class NoSuchSymbol(AllocastError):
    """Yahoo knows no such symbol (any more)."""


def answers(timeout_s: float = 3.0) -> bool:
    """Whether Yahoo gives prices at this moment."""
    status, chart = _chart(PROBE, timeout_s)
    return status == 200 and bool(chart.get("result"))


def knows(symbol: str) -> bool:
    """False when Yahoo says itself that there is no such symbol; True also when it says nothing at all.

    yfinance's exceptions do not tell a symbol that is unknown from a network that is gone.
    """
    status, chart = _chart(symbol, TIMEOUT_S)
    return not (status == 404 and (chart.get("error") or {}).get("code") == "Not Found")


def _chart(symbol: str, timeout_s: float) -> tuple[int, dict[str, Any]]:
    """Status and content of a chart, asked with yfinance's own HTTP client, which loads at once; 0 for no answer."""
    from curl_cffi import requests

    try:
        with requests.Session(impersonate="chrome") as session:
            answer = session.get(CHART.format(quote(symbol)), timeout=timeout_s)
            chart = answer.json()["chart"]
            return int(answer.status_code), chart if isinstance(chart, dict) else {}
    except (requests.exceptions.RequestException, ValueError, KeyError, TypeError):
        return 0, {}


class YahooClient:
    """One per process: yfinance keeps one session, one cookie and one crumb for all."""

    def __init__(self, cache: Path) -> None:
        """cache : folder for the cookie and the time zones that yfinance remembers."""
        import yfinance
        from yfinance.config import YfConfig
        from yfinance.data import YfData

        cache.mkdir(parents=True, exist_ok=True)
        yfinance.set_tz_cache_location(str(cache))
        YfConfig.debug.hide_exceptions = False  # an empty frame does not say why it is empty
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)  # we raise what it logs
        self._yfinance, self._data = yfinance, YfData

    def history(self, asset: Asset, now_ms: int) -> History:
        """All final daily closes; of an asset that trades always also those of the last NYSE sessions to the hour.

        Raises NoSuchSymbol, and TryAgain when Yahoo does not answer, limits us or answers with something else.
        """
        ticker = self._yfinance.Ticker(asset.symbol)
        daily = self._ask(ticker, asset.symbol, period="max", interval="1d", auto_adjust=True)
        sessions = nyse()
        times = np.array([closing_time(day.date(), asset, sessions) for day in daily.index], dtype=np.int64)
        price = daily["Close"].to_numpy(dtype=float)
        if asset.calendar == "always":
            try:
                more_times, more_price = self._at_session_closes(ticker, asset.symbol, sessions)
                times, price = np.concatenate([times, more_times]), np.concatenate([price, more_price])
            except TryAgain as error:
                log.warning("%s: no hourly prices: %s", asset.symbol, error)
        usable = np.isfinite(price) & (times <= now_ms) & (times >= sessions.close_ms[0])
        if asset.kind == "price":
            usable &= price > 0
        times, first = np.unique(times[usable], return_index=True)
        price = price[usable][first]
        if not len(times):
            raise TryAgain(f"{asset.symbol}: Yahoo gave no usable price")
        if asset.kind == "price" and (wrong := spikes(price)).any():
            for at, value in zip(times[wrong], price[wrong], strict=True):
                log.warning(
                    "%s: %g at %d stands alone between its neighbours: left out", asset.symbol, value, at
                )
            times, price = times[~wrong], price[~wrong]
        currency = str((ticker.history_metadata or {}).get("currency") or "")
        return History(asset.symbol, times, price, currency, now_ms)

    def _at_session_closes(
        self, ticker: Any, symbol: str, sessions: Sessions
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        hourly = self._ask(ticker, symbol, period="max", interval="1h", auto_adjust=True, prepost=True)
        ends = _ms(hourly.index) + HOUR_MS
        chosen = np.isin(ends, sessions.close_ms)
        return ends[chosen], hourly["Close"].to_numpy(dtype=float)[chosen]

    def _ask(self, ticker: Any, symbol: str, **what: Any) -> Any:
        from yfinance.exceptions import YFRateLimitError

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pandas and yfinance disagree about a few deprecated calls
                frame = ticker.history(timeout=TIMEOUT_S, actions=False, **what)
        except YFRateLimitError as error:
            raise TryAgain(f"{symbol}: Yahoo limits our requests (429)") from error
        except Exception as error:  # whatever comes of an HTML page, of changed fields or of no network
            self._forget_answers()
            if not knows(symbol):
                raise NoSuchSymbol(
                    f"{symbol}: Yahoo has no data: it is unknown, or no longer traded"
                ) from error
            raise TryAgain(f"{symbol}: no usable answer from Yahoo: {error!r:.200}") from error
        if frame is None or frame.empty or "Close" not in frame:
            raise TryAgain(f"{symbol}: Yahoo answered without prices")
        return frame

    def _forget_answers(self) -> None:
        """yfinance remembers answers for the life of the process, also those that were errors."""
        self._data.cache_get.cache_clear()

    def minutes(self, symbols: Sequence[str], now_ms: int, days: int = 1) -> TickBatch:
        """Closes of the finished minutes of the last days, of all symbols at once, oldest first.

        Raises TryAgain when there is nothing for any of them.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                frame = self._yfinance.download(
                    list(symbols), period=f"{days}d", interval="1m", prepost=True, auto_adjust=True,
                    progress=False, group_by="ticker", timeout=TIMEOUT_S,
                )  # fmt: skip
        except Exception as error:
            raise TryAgain(f"no minutes from Yahoo: {error!r:.200}") from error
        finally:
            self._forget_answers()
        if frame is None or frame.empty:
            raise TryAgain("Yahoo gave no minutes: it limits us, or nothing has traded")
        ends = _ms(frame.index) + MINUTE_MS
        parts: list[tuple[str, npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]] = []
        for symbol in symbols:
            if symbol not in frame.columns.get_level_values(0):
                continue
            price = frame[symbol]["Close"].to_numpy(dtype=float)
            volume = frame[symbol]["Volume"].to_numpy(dtype=float)
            done = np.isfinite(price) & (ends <= now_ms)
            parts.append((symbol, ends[done], price[done], np.where(volume[done] > 0, volume[done], np.nan)))
        times = np.concatenate([part[1] for part in parts])
        order = np.argsort(times, kind="stable")
        names = np.concatenate([np.full(len(part[1]), part[0]) for part in parts])
        return TickBatch(
            names[order].astype(str),
            times[order],
            np.concatenate([part[2] for part in parts])[order],
            np.concatenate([part[3] for part in parts])[order],
        )


def _ms(index: Any) -> npt.NDArray[np.int64]:
    moments: npt.NDArray[np.int64] = (
        index.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ms]").astype(np.int64)
    )
    return moments


def spikes(price: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Closes that leave their neighbours by far and come back at once: bad prints, which no crash looks like.

    price : shape (n,), > 0. Far is SPIKE_SIGMAS robust standard deviations of the sessions before, both ways, and
    the neighbours agree within a quarter of that.

    >>> spikes(np.array([100.0, 101.0] * 40 + [100.0, 10.0, 101.0, 100.0])).nonzero()[0].tolist()
    [81]
    >>> spikes(np.array([100.0, 101.0] * 40 + [100.0, 80.0, 81.0, 80.0])).any()
    np.False_
    """
    x = np.log(price)
    step = np.diff(x)
    wrong = np.zeros(len(price), dtype=np.bool_)
    far = np.flatnonzero(np.abs(step) > 0.05)
    for i in far:  # the price after step i
        at = int(i) + 1
        if at < SPIKE_SESSIONS or at + 1 >= len(price):
            continue
        scale = 1.4826 * float(np.median(np.abs(step[at - SPIKE_SESSIONS : at - 1])))
        limit = max(SPIKE_SIGMAS * scale, 0.05)
        back = abs(x[at + 1] - x[at - 1])
        if (
            abs(step[i]) > limit
            and abs(step[i + 1]) > limit
            and step[i] * step[i + 1] < 0
            and back < limit / 4
        ):
            wrong[at] = True
    return wrong


def now_ms() -> int:
    """Milliseconds since epoch, UTC."""
    return int(time.time() * 1000)
