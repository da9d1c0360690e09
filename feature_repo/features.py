"""The feature spec: the one list from which everything else about features is derived.

Feast's fields, the columns of the stream kernel, the training columns, the table in the docs and
`spec_hash` all come from FEATURES. Adding a feature is one row here and one expression in the kernel.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

WINDOW_SESSIONS = 64  # sessions in the model's input window
WINDOW_CHANNELS = 2  # per session: standardised return, log volatility ratio
WARM_SESSIONS = 253  # sessions until every feature has a value (252 returns)


@dataclass(frozen=True)
class Feature:
    """One feature. It is null, never NaN or 0, until `warm_up` sessions have been seen."""

    name: str
    dtype: str  # float64, int64, string, float64_list
    unit: str
    warm_up: int
    meaning: str
    source: str = ""


def _returns() -> list[Feature]:
    return [
        Feature(f"log_return_{n}", "float64", "log return", n + 1, f"log return over {n} sessions")
        for n in (1, 5, 21, 63, 252)
    ]


def _volatilities() -> list[Feature]:
    return [
        Feature(
            f"realised_volatility_{n}",
            "float64",
            f"log return over {n} sessions",
            n + 1,
            f"square root of the sum of {n} squared session log returns, not annualised",
            "Andersen and Bollerslev (1998)",
        )
        for n in (5, 21, 63, 252)
    ]


def _momenta() -> list[Feature]:
    return [
        Feature(
            f"momentum_{n}",
            "float64",
            "standard deviations",
            n + 1,
            f"log return over {n} sessions divided by ewma_volatility * sqrt({n})",
        )
        for n in (21, 63, 252)
    ]


NUMERIC: tuple[Feature, ...] = (
    Feature("price", "float64", "quote", 1, "latest price; percent per year for a rate"),
    *_returns(),
    *_volatilities(),
    Feature(
        "ewma_volatility",
        "float64",
        "log return per session",
        21,
        "square root of the exponentially weighted mean squared session return, decay 0.94",
        "RiskMetrics (1996)",
    ),
    Feature("ema_12", "float64", "quote", 12, "exponential moving average of price, span 12 sessions"),
    Feature("ema_26", "float64", "quote", 26, "exponential moving average of price, span 26 sessions"),
    Feature("macd", "float64", "quote", 26, "ema_12 - ema_26", "Appel (1979)"),
    Feature("rsi_14", "float64", "0..100", 15, "relative strength index over 14 sessions", "Wilder (1978)"),
    Feature(
        "bollinger_z",
        "float64",
        "standard deviations",
        20,
        "price minus its 20-session mean, in population standard deviations of those 20 prices",
        "Bollinger (1992)",
    ),
    Feature("drawdown_252", "float64", "log return", 1, "log of price over the highest of up to 252 closes"),
    *_momenta(),
)

WINDOW = Feature(
    "window",
    "float64_list",
    "scale-free",
    WINDOW_SESSIONS + 21,
    f"last {WINDOW_SESSIONS} sessions, oldest first; per session the return divided by the previous ewma_volatility, "
    "then log(ewma_volatility / root mean square return of up to 252 sessions)",
)

# What every row says about itself: where it comes from and how old it is.
PROVENANCE: tuple[Feature, ...] = (
    Feature("event_ms", "int64", "ms since epoch, UTC", 0, "exchange time of the latest tick in the row"),
    Feature("seen_ms", "int64", "ms since epoch, UTC", 0, "when the producer read that tick"),
    Feature("session_date", "int64", "yyyymmdd", 0, "the session in progress, which counts as a bar"),
    Feature("n_sessions", "int64", "sessions", 0, "sessions seen, the one in progress included"),
    Feature(
        "is_warm", "int64", "0 or 1", 0, f"1 from {WARM_SESSIONS} sessions on: every feature has a value"
    ),
    Feature("feed", "string", "", 0, "the feed that sent the tick: yahoo, csv or simulated"),
    Feature("spec_hash", "string", "", 0, "which feature spec computed the row"),
)

FEATURES: tuple[Feature, ...] = (*NUMERIC, WINDOW, *PROVENANCE)

NUMERIC_NAMES: tuple[str, ...] = tuple(feature.name for feature in NUMERIC)
COLUMN = {name: position for position, name in enumerate(NUMERIC_NAMES)}
WINDOW_SIZE = WINDOW_SESSIONS * WINDOW_CHANNELS
ROW_SIZE = len(NUMERIC) + WINDOW_SIZE  # a kernel row: the numeric features, then the window


def spec_hash() -> str:
    """Sixteen hex digits that change when any name, type, unit, warm-up or meaning changes."""
    canonical = json.dumps([asdict(feature) for feature in FEATURES], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
