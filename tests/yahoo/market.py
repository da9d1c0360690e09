"""What the stand-in knows: daily closes, minutes and where they are quoted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from producers.sessions import NEW_YORK, nyse
from tests.stubs import random_walk


@dataclass
class Series:
    """One symbol. Times are seconds since epoch, as Yahoo's charts have them."""

    symbol: str
    daily: dict[int, float] = field(default_factory=dict)  # begin of the day's trade -> close
    minutes: dict[int, float] = field(default_factory=dict)  # begin of the minute -> close
    hourly: dict[int, float] = field(default_factory=dict)
    currency: str = "USD"
    kind: str = "INDEX"
    zone: str = "America/New_York"
    adjusted: float = 1.0  # adjusted close over close, before the last day

    def chart(self, interval: str, begin: float, end: float) -> dict[str, Any]:
        """The answer of /v8/finance/chart/SYMBOL."""
        held = {"1d": self.daily, "1m": self.minutes, "1h": self.hourly}.get(interval, {})
        times = [at for at in sorted(held) if begin <= at < end]
        close: list[float | None] = [held[at] for at in times]
        indicators: dict[str, Any] = {
            "quote": [dict.fromkeys(("open", "high", "low", "close"), close) | {"volume": [10] * len(times)}]
        }
        if interval == "1d":
            adjusted = [value * self.adjusted for value in close[:-1] if value is not None] + close[-1:]
            indicators["adjclose"] = [{"adjclose": adjusted}]
        meta = {
            "currency": self.currency,
            "symbol": self.symbol,
            "exchangeName": "SNP",
            "instrumentType": self.kind,
            "firstTradeDate": times[0] if times else 0,
            "regularMarketTime": times[-1] if times else 0,
            "gmtoffset": -18000,
            "timezone": "EST",
            "exchangeTimezoneName": self.zone,
            "priceHint": 2,
            "dataGranularity": interval,
            "range": "",
            "validRanges": ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"],
        }
        result = {"meta": meta, "indicators": indicators, "timestamp": times}
        return {"chart": {"result": [result], "error": None}}


def session_series(symbol: str, last: int, sessions: int = 300, seed: int = 1, **given: Any) -> Series:
    """Daily closes of the sessions up to and with index `last`."""
    calendar = nyse()
    prices = random_walk(sessions, seed, start=float(given.pop("start", 100.0)))
    days = [day.astype(object) for day in calendar.date[last - sessions + 1 : last + 1]]
    begins = [int(datetime(d.year, d.month, d.day, 9, 30, tzinfo=NEW_YORK).timestamp()) for d in days]
    return Series(symbol, dict(zip(begins, prices, strict=True)), **given)


def endless_series(symbol: str, last: int, days: int = 420, seed: int = 2) -> Series:
    """Daily closes in UTC, as of a coin, and the hours of the last three weeks."""
    end = nyse().date[last].astype(object)
    last_day = int(datetime(end.year, end.month, end.day, tzinfo=UTC).timestamp())
    prices = random_walk(days, seed, volatility=0.03, start=8000.0)
    daily = {last_day - (days - 1 - i) * 86_400: price for i, price in enumerate(prices)}
    rng = np.random.default_rng(seed)
    hourly = {
        day + hour * 3600: float(price * np.exp(0.001 * rng.standard_normal()))
        for day, price in list(daily.items())[-21:]
        for hour in range(24)
    }
    return Series(symbol, daily, hourly=hourly, kind="CRYPTOCURRENCY", zone="UTC")
