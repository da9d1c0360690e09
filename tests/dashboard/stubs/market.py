"""Rows of the feature store and closes of the past: a market made by hand. The real types, no network."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.live import now_ms
from feature_repo.features import NUMERIC_NAMES
from feature_repo.online import FeatureRow
from producers.sessions import nyse
from producers.universe import load_universe
from tests import stubs

UNIVERSE = load_universe()
PRICES = {"gold": 4105.2, "nasdaq": 22990.5, "sp500": 6650.1, "bitcoin": 64010.5, "cash": 4.05}
DRIFT = {"gold": 0.05, "nasdaq": 0.09, "sp500": 0.07, "bitcoin": 0.2, "cash": 0.04}  # per year
SPREAD = {"gold": 0.16, "nasdaq": 0.22, "sp500": 0.17, "bitcoin": 0.6, "cash": 0.002}


def row(
    symbol: str, price: float, *, feed: str = "simulated", at_ms: int | None = None, **values: float
) -> FeatureRow:
    """A warm row whose every feature has a value."""
    at_ms = now_ms() if at_ms is None else at_ms
    return stubs.row(
        symbol,
        values={**dict.fromkeys(NUMERIC_NAMES, 0.01), "price": price, **values},
        event_ms=at_ms,
        seen_ms=at_ms,
        session_date=20260730,
        n_sessions=300,
        feed=feed,
    )


def rows(**given: Any) -> list[FeatureRow]:
    """One row per asset of the default universe."""
    return [row(asset.symbol, PRICES[asset.id], **given) for asset in UNIVERSE.asset]


def closes(first: int = 19990104, last: int = 20260729) -> dict[str, dict[int, float]]:
    """A seeded random walk of every asset on the exchange's own sessions; bitcoin starts in 2014."""
    days = [int(day) for day in nyse().yyyymmdd if first <= day <= last]
    rng = np.random.default_rng(3)
    found = {}
    for asset in UNIVERSE.asset:
        steps = rng.normal(0, SPREAD[asset.id] / 16, len(days))
        level = PRICES[asset.id] * np.exp(np.cumsum(steps) - steps.sum())
        series = np.full(len(days), 3.0) if asset.kind == "rate" else level
        start = 20140917 if asset.id == "bitcoin" else 0
        found[asset.symbol] = {
            day: float(value) for day, value in zip(days, series, strict=True) if day >= start
        }
    return found
