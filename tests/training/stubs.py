"""Forecasts as they are logged, every argument defaulted, so a test names only what it is about."""

from __future__ import annotations

from typing import Any

from training.forecast_log import Forecast
from training.horizons import LEVELS


def forecast(**given: Any) -> Forecast:
    """Of gold, by the champion v1 at the price 100; half of the outcomes over 1 and 21 sessions are below 0."""
    fields: dict[str, Any] = {
        "symbol": "GC=F",
        "session_date": 20260102,
        "session_close_ms": 1,
        "price": 100.0,
        "model": "v1",
        "data_hash": "",
        "spec_hash": "",
        "made_ms": 1,
        "horizons": [1, 21],
        "levels": LEVELS.tolist(),
        "quantiles": [[round(level - 0.5, 3) for level in LEVELS.tolist()]] * 2,
    }
    return Forecast(**{**fields, **given})
