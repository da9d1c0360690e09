"""The feature spec: the one list from which everything else about features is derived.

Feast's fields, the columns of the stream kernel, the training columns, the table in the docs and
`spec_hash` all come from FEATURES. Adding a feature is one row here and one expression in the kernel.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict, dataclass

WINDOW_SESSIONS = 64  # sessions in the model's input window
WINDOW_CHANNELS = 2  # per session: standardised return, log volatility ratio
WARM_SESSIONS = 253  # sessions until every session feature has a value (252 returns)
TILES = 48  # an intraday window is so many tiles, the one in progress included


@dataclass(frozen=True)
class IntradayWindow:
    """One window of event time. Tiles divide half an hour, so every session close is the end of a tile."""

    label: str
    length_ms: int
    # How long before the window its reference price may have been made. A day's window looks back over a long
    # weekend, as a daily return does; a shorter one has no value after a night.
    reference_ms: int

    @property
    def tile_ms(self) -> int:
        """Length of one tile."""
        return self.length_ms // TILES


_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
INTRADAY_WINDOWS: tuple[IntradayWindow, ...] = (
    IntradayWindow("1m", _MINUTE, _MINUTE),
    IntradayWindow("5m", 5 * _MINUTE, 5 * _MINUTE),
    IntradayWindow("15m", 15 * _MINUTE, 15 * _MINUTE),
    IntradayWindow("1h", _HOUR, _HOUR),
    IntradayWindow("1d", _DAY, 4 * _DAY),
)


@dataclass(frozen=True)
class Feature:
    """One feature. It is null, never NaN or 0, until it is warm."""

    name: str
    kind: str  # session, intraday or provenance
    window: str  # "21" sessions or "5m"; empty where there is none
    dtype: str  # float64, int64, string, float64_list
    unit: str
    warm_up: int  # sessions seen; for an intraday feature milliseconds since the first tick
    meaning: str
    source: str = ""


def _session(
    name: str, window: int | str, unit: str, warm_up: int, meaning: str, source: str = ""
) -> Feature:
    return Feature(name, "session", str(window), "float64", unit, warm_up, meaning, source)


def _returns() -> list[Feature]:
    return [
        _session(
            f"log_return_{n}", n, "log return", n + 1, f"log return over {n} session{'s' if n > 1 else ''}"
        )
        for n in (1, 5, 21, 63, 252)
    ]


def _volatilities() -> list[Feature]:
    return [
        _session(
            f"realised_volatility_{n}",
            n,
            f"log return over {n} sessions",
            n + 1,
            f"square root of the sum of {n} squared session log returns, not annualised",
            "Andersen and Bollerslev (1998)",
        )
        for n in (5, 21, 63, 252)
    ]


def _momenta() -> list[Feature]:
    return [
        _session(
            f"momentum_{n}",
            n,
            "standard deviations",
            n + 1,
            f"log return over {n} sessions divided by ewma_volatility * sqrt({n})",
        )
        for n in (21, 63, 252)
    ]


def _intraday(window: IntradayWindow) -> list[Feature]:
    w = window.label

    def feature(name: str, unit: str, meaning: str, source: str = "") -> Feature:
        return Feature(
            f"{name}_{w}", "intraday", w, "float64", unit, window.length_ms, f"{meaning}, last {w}", source
        )

    return [
        feature("log_return", "log return", "log return since the last price before the window"),
        feature(
            "realised_volatility",
            f"log return over {w}",
            f"square root of the sum of squared log returns between the closes of {TILES} tiles",
            "Andersen and Bollerslev (1998)",
        ),
        feature(
            "ema",
            "quote",
            "exponential moving average of the closes of tiles, the time constant is the window's length",
            "Zumbach and Müller (2001)",
        ),
        feature("range", "log return", "log of the highest over the lowest price", "Parkinson (1980)"),
        feature("tick_rate", "ticks per second", "ticks per second"),
        feature("vwap", "quote", "volume-weighted average price; null while no size is known"),
    ]


SESSION_FEATURES: tuple[Feature, ...] = (
    _session("price", "", "quote", 1, "latest price; percent per year for a rate"),
    *_returns(),
    *_volatilities(),
    _session(
        "ewma_volatility",
        "",
        "log return per session",
        21,
        "square root of the exponentially weighted mean squared session return, decay 0.94",
        "RiskMetrics (1996)",
    ),
    _session("ema_12", 12, "quote", 12, "exponential moving average of price, span 12 sessions"),
    _session("ema_26", 26, "quote", 26, "exponential moving average of price, span 26 sessions"),
    _session("macd", 26, "quote", 26, "ema_12 - ema_26", "Appel (1979)"),
    _session("rsi_14", 14, "0..100", 15, "relative strength index over 14 sessions", "Wilder (1978)"),
    _session(
        "bollinger_z",
        20,
        "standard deviations",
        20,
        "price minus its 20-session mean, in population standard deviations of those 20 prices",
        "Bollinger (1992)",
    ),
    _session("drawdown_252", 252, "log return", 1, "log of price over the highest of up to 252 closes"),
    *_momenta(),
)

INTRADAY_FEATURES: tuple[Feature, ...] = tuple(
    feature for window in INTRADAY_WINDOWS for feature in _intraday(window)
)
INTRADAY_PER_WINDOW = len(INTRADAY_FEATURES) // len(INTRADAY_WINDOWS)

NUMERIC: tuple[Feature, ...] = (*SESSION_FEATURES, *INTRADAY_FEATURES)

WINDOW = Feature(
    "window",
    "session",
    str(WINDOW_SESSIONS),
    "float64_list",
    "scale-free",
    WINDOW_SESSIONS + 21,
    f"last {WINDOW_SESSIONS} sessions, oldest first; per session the return divided by the previous ewma_volatility, "
    "then log(ewma_volatility / root mean square return of up to 252 sessions)",
)


def _provenance(name: str, dtype: str, unit: str, meaning: str) -> Feature:
    return Feature(name, "provenance", "", dtype, unit, 0, meaning)


# What every row says about itself: where it comes from and how old it is.
PROVENANCE: tuple[Feature, ...] = (
    _provenance("event_ms", "int64", "ms since epoch, UTC", "exchange time of the latest tick in the row"),
    _provenance("seen_ms", "int64", "ms since epoch, UTC", "when the producer read that tick"),
    _provenance("session_date", "int64", "yyyymmdd", "the session in progress, which counts as a bar"),
    _provenance("n_sessions", "int64", "sessions", "sessions seen, the one in progress included"),
    _provenance(
        "is_warm", "int64", "0 or 1", f"1 from {WARM_SESSIONS} sessions on: every session feature has a value"
    ),
    _provenance("source_offset", "int64", "offset", "newest record of market.ticks that the row contains"),
    _provenance("feed", "string", "", "the feed that sent the tick: yahoo, csv or simulated"),
    _provenance("spec_hash", "string", "", "which feature spec computed the row"),
)

FEATURES: tuple[Feature, ...] = (*NUMERIC, WINDOW, *PROVENANCE)

NUMERIC_NAMES: tuple[str, ...] = tuple(feature.name for feature in NUMERIC)
WINDOW_SIZE = WINDOW_SESSIONS * WINDOW_CHANNELS
ROW_SIZE = len(NUMERIC) + WINDOW_SIZE  # a kernel row: the numeric features, then the window


@functools.cache
def spec_hash() -> str:
    """Sixteen hex digits that change when any name, type, unit, window, warm-up or meaning changes."""
    canonical = json.dumps(
        {
            "features": [asdict(feature) for feature in FEATURES],
            "windows": [asdict(window) for window in INTRADAY_WINDOWS],
        },
        sort_keys=True,
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
