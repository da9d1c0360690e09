"""Stub makers: every argument defaulted, so a test names only what it is about."""

from __future__ import annotations

from typing import Any

import numpy as np

from feature_repo.features import NUMERIC_NAMES, WINDOW_CHANNELS, WINDOW_SESSIONS, spec_hash
from feature_repo.online import FeatureRow
from producers.sessions import nyse
from producers.tick import TickFrame

SESSION = 12_000  # somewhere in 2017
SEEN_MS = 1_600_000_000_000  # 2020: after every event of a test, before every clock


def close_ms(session: int) -> int:
    """Official close of a session, ms since epoch."""
    return int(nyse().close_ms[session])


def date_of(session: int) -> int:
    """The day of a session, yyyymmdd."""
    return int(nyse().yyyymmdd[session])


def frame(**given: Any) -> TickFrame:
    """A frame of one gold tick at the close of SESSION."""
    price = given.get("price", [101.0])
    fields: dict[str, Any] = {
        "source": "csv",
        "epoch": "e1",
        "seq": 0,
        "seen_ms": SEEN_MS,
        "symbols": ["GC=F"],
        "symbol": [0] * len(price) if "price" in given and "symbol" not in given else [0],
        "event_ms": [close_ms(SESSION)],
        "price": price,
    }
    return TickFrame(**{**fields, **given})


def closes(prices: list[float], symbol: str = "GC=F", first: int = SESSION, **given: Any) -> TickFrame:
    """A frame with one closing tick per session."""
    n = len(prices)
    event_ms = [close_ms(first + i) for i in range(n)]
    return frame(symbols=[symbol], symbol=[0] * n, event_ms=event_ms, price=prices, **given)


def random_walk(n: int, seed: int = 0, volatility: float = 0.01, start: float = 100.0) -> list[float]:
    """Prices with Student t returns."""
    rng = np.random.default_rng(seed)
    returns = volatility * rng.standard_t(5, n) / np.sqrt(5 / 3)
    return [float(price) for price in start * np.exp(np.cumsum(returns))]


def row(symbol: str = "GC=F", **given: Any) -> FeatureRow:
    """A warm feature row."""
    values = dict.fromkeys(NUMERIC_NAMES, 0.1) | {
        "price": 1500.0,
        "ewma_volatility": 0.01,
        **{f"realised_volatility_{n}": 0.01 * n**0.5 for n in (5, 21, 63, 252)},
    }
    fields: dict[str, Any] = {
        "symbol": symbol,
        "values": values | given.pop("values", {}),
        "window": np.zeros((WINDOW_SESSIONS, WINDOW_CHANNELS)),
        "event_ms": close_ms(SESSION),
        "seen_ms": close_ms(SESSION) + 1000,
        "session_date": 20170830,
        "n_sessions": 1000,
        "is_warm": True,
        "source_offset": 1,
        "feed": "csv",
        "spec_hash": spec_hash(),
    }
    return FeatureRow(**{**fields, **given})
