"""A champion and its answers, made by hand: they follow the question and the prices, and are no model."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dashboard.live import now_ms
from feature_repo.online import FeatureRow
from producers.errors import TryAgain
from producers.universe import Universe
from tests.dashboard.stubs.market import DRIFT, PRICES, SPREAD, UNIVERSE
from training.answer import (
    FAN_SESSIONS,
    HORIZONS,
    Answer,
    AssetOutlook,
    Fan,
    InputState,
    ModelCard,
    Rate,
    Request,
    Risk,
    Summary,
)
from training.champion import Scenarios
from training.horizons import FAN


@dataclass(frozen=True)
class StubChampion:
    """What the page reads of a champion."""

    version: str = "v1"
    created_ms: int = field(default_factory=now_ms)
    members: dict[str, float] = field(
        default_factory=lambda: {"climatology": 0.2, "garch_fhs": 0.35, "har": 0.15, "lstm": 0.3}
    )
    has_lstm: bool = True
    reason: str = "history"
    manifest: Any = None

    def scenarios(self, rows: dict[str, FeatureRow]) -> Scenarios:
        """Seeded normal returns of the priced assets that have a row, correlated by half; a rate that moves."""
        symbols = [asset.symbol for asset in UNIVERSE.priced if asset.symbol in rows]
        ids = [asset.id for asset in UNIVERSE.priced if asset.symbol in rows]
        rng = np.random.default_rng(7)
        years = np.array(FAN) / 252
        noise = rng.normal(size=(2_000, len(FAN), len(ids))) + rng.normal(size=(2_000, len(FAN), 1))
        walk = np.cumsum(noise / np.sqrt(2) * np.sqrt(21 / 252), axis=1)
        drift = np.array([DRIFT[name] for name in ids])
        spread = np.array([SPREAD[name] for name in ids])
        returns = drift * years[:, None] + spread * walk
        inflation = 0.03 * years + 0.005 * rng.normal(size=(2_000, len(FAN)))
        rate = 0.01 * np.sqrt(years) * rng.normal(size=(2_000, len(FAN)))
        return Scenarios(symbols, returns, inflation, rate)


def champion(**given: Any) -> StubChampion:
    return replace(StubChampion(), **given)


def summary(median: float, spread: float, amount: float) -> Summary:
    """A normal profit."""
    return Summary(
        mean=median + 0.1 * spread * amount,
        median=median,
        p05=median - 1.645 * spread * amount,
        p25=median - 0.674 * spread * amount,
        p75=median + 0.674 * spread * amount,
        p95=median + 1.645 * spread * amount,
        prob_loss=0.5 * math.erfc(median / (spread * amount) / math.sqrt(2)),
    )


def answer(
    request: Request, champion: Any, rows: dict[str, FeatureRow], universe: Universe = UNIVERSE
) -> Answer:
    """A forecast that follows weights, horizon and the prices of the rows; deterministic, not a model."""
    part = {name: weight / 100 for name, weight in request.weights.items()}
    for asset in universe.asset:
        if asset.id in part and asset.symbol not in rows:
            raise TryAgain(f"No price for {asset.name} yet.")
    moved = sum(
        part.get(asset.id, 0.0) * (rows[asset.symbol].values["price"] / PRICES[asset.id] - 1)
        for asset in universe.asset
        if asset.symbol in rows
    )

    def at(session: int, inflation: float) -> Summary:
        years = session / 252
        mean = sum(part[name] * (DRIFT[name] - inflation) for name in part) * years + moved
        spread = math.sqrt(sum((part[name] * SPREAD[name]) ** 2 for name in part) * years)
        return summary(mean * request.amount, max(spread, 1e-6), request.amount)

    def fan(inflation: float) -> Fan:
        points = [at(session, inflation) for session in FAN_SESSIONS]
        columns = {
            name: [0.0, *(getattr(one, name) for one in points)]
            for name in ("p05", "p25", "median", "p75", "p95")
        }
        return Fan(sessions=[0, *FAN_SESSIONS], **columns)

    horizon = HORIZONS[request.horizon]
    years = horizon / 252
    root = math.sqrt(years)
    return Answer(
        as_of="2026-07-30T14:05:09+00:00",
        horizon_sessions=horizon,
        amount=request.amount,
        real=at(horizon, 0.03),
        nominal=at(horizon, 0.0),
        prob_beat_deposit=0.54,
        inflation_median=0.03 * years,
        assets={
            asset.id: AssetOutlook(
                weight=part.get(asset.id, 0.0) * 100,
                price=rows[asset.symbol].values["price"] if asset.symbol in rows else None,
                real_mean=0.0,
                nominal_mean=0.0,
                return_p05=DRIFT[asset.id] * years - 1.645 * SPREAD[asset.id] * root,
                return_median=DRIFT[asset.id] * years,
                return_p95=DRIFT[asset.id] * years + 1.645 * SPREAD[asset.id] * root,
                cvar_part=1_200.0 * part.get(asset.id, 0.0),
            )
            for asset in universe.asset
        },
        model=ModelCard(champion.version, champion.members, 10.0, champion.has_lstm),
        inputs={asset.id: InputState(1.0, "live") for asset in universe.asset},
        fan_real=fan(0.03),
        fan_nominal=fan(0.0),
        scenarios=10_000,
        short_rate=Rate(2.1, 3.94, 5.6),
        risk=Risk(var95=900.0, cvar95=1_200.0, drawdown_median=0.05, drawdown_p95=0.21),
        notes=["Inflation is known up to June 2026."],
    )
