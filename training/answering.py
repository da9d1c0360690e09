"""From a question to its answer: what is refused, what is summed up, what a reader must know."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np

from feature_repo.online import FeatureRow
from producers.errors import TryAgain
from producers.universe import Universe, load_universe
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
from training.champion import Champion
from training.horizons import FAN, FloatArray
from training.horizons import HORIZONS as MODEL_HORIZONS
from training.portfolio import expected_shortfall, value_at_risk, worst_drawdown
from training.price_level import OLD_DAYS
from training.profit import Outcome, simulate

OLD_S = 30 * 60.0  # an input not read for this long is old
OLD_EVENT_MS = 5 * 86_400_000  # and so is a quote five days behind the newest one
DAY_S = 86_400.0
NO_LSTM = "one part of the model, a neural network (LSTM), is still being trained; the others answer"
SIMULATED = "prices are simulated: this is a demonstration, not a market"
INDICES = "returns of the indices leave out dividends; gold is the price of its nearest futures contract"
DOLLARS = (
    "prices, inflation and the deposit's rate are those of the US, in dollars; exchange rates are left out"
)


def answer(
    request: Request,
    champion: Champion,
    rows: Mapping[str, FeatureRow],
    now_ms: int,
    universe: Universe | None = None,
) -> Answer:
    """The profit distribution of one allocation, on the champion's scenarios.

    Raises TryAgain naming the asset whose features are missing or still warming up.
    """
    universe = universe or load_universe()
    for asset in universe.asset:
        if request.weights.get(asset.id, 0) == 0:
            continue
        row = rows.get(asset.symbol)
        if row is None:
            raise TryAgain(f"{asset.name}: no price has arrived yet; set its weight to 0 or wait")
        why = champion.refuses(row) if asset.kind == "price" else None
        if why is not None:
            raise TryAgain(f"{asset.name}: {why}")
    outcome = simulate(request, champion.scenarios(rows), rows, universe)
    horizon = HORIZONS[request.horizon]
    at = FAN.index(horizon)
    real, nominal = outcome.real.sum(axis=-1), outcome.nominal.sum(axis=-1)
    cvar, parts = expected_shortfall(real[:, at], outcome.real[:, at])
    falls = worst_drawdown(1 + nominal[:, : at + 1] / request.amount)
    return Answer(
        as_of=_iso(max(row.event_ms for row in rows.values())),
        horizon_sessions=horizon,
        amount=request.amount,
        real=_summary(real[:, at]),
        nominal=_summary(nominal[:, at]),
        prob_beat_deposit=outcome.prob_beat_deposit(at),
        inflation_median=float(np.median(outcome.price_level[:, at]) - 1),
        assets={
            name: _outlook(request, champion, rows, universe, outcome, position, at, float(parts[position]))
            for position, name in enumerate(outcome.assets)
        },
        model=ModelCard(
            version=champion.version,
            members=champion.weights_at(horizon),
            age_s=(now_ms - champion.created_ms) / 1000,
            has_lstm=champion.has_lstm,
        ),
        inputs=_inputs(champion, rows, universe, now_ms),
        fan_real=_fan(real),
        fan_nominal=_fan(nominal),
        scenarios=len(nominal),
        risk=Risk(
            var95=value_at_risk(real[:, at]),
            cvar95=cvar,
            drawdown_median=float(np.median(falls)),
            drawdown_p95=float(np.quantile(falls, 0.95)),
        ),
        short_rate=None if outcome.short_rate is None else _rate(outcome.short_rate[:, at]),
        notes=_notes(champion, rows, universe, now_ms, request),
    )


def _summary(profit: FloatArray) -> Summary:
    p05, p25, median, p75, p95 = (
        float(value) for value in np.quantile(profit, (0.05, 0.25, 0.5, 0.75, 0.95))
    )
    return Summary(
        mean=float(profit.mean()),
        median=median,
        p05=p05,
        p25=p25,
        p75=p75,
        p95=p95,
        prob_loss=float(np.mean(profit < 0)),
    )


def _rate(level: FloatArray) -> Rate:
    p05, median, p95 = (float(value) for value in np.quantile(level, (0.05, 0.5, 0.95)))
    return Rate(p05, median, p95)


def _outlook(
    request: Request,
    champion: Champion,
    rows: Mapping[str, FeatureRow],
    universe: Universe,
    outcome: Outcome,
    position: int,
    at: int,
    cvar_part: float,
) -> AssetOutlook:
    name = outcome.assets[position]
    asset = next(asset for asset in universe.asset if asset.id == name)
    simple = outcome.growth[:, at, position] - 1
    p05, median, p95 = (float(value) for value in np.quantile(simple, (0.05, 0.5, 0.95)))
    earned = champion.earned(asset.symbol)
    column = MODEL_HORIZONS.index(HORIZONS[request.horizon])
    return AssetOutlook(
        weight=request.weights.get(name, 0.0),
        price=rows[asset.symbol].values["price"],
        real_mean=float(outcome.real[:, at, position].mean()),
        nominal_mean=float(outcome.nominal[:, at, position].mean()),
        return_p05=p05,
        return_median=median,
        return_p95=p95,
        cvar_part=cvar_part,
        members={} if earned is None else {key: value[column] for key, value in earned.weights.items()},
        matured=0 if earned is None else earned.matured[column],
    )


def _fan(profit: FloatArray) -> Fan:
    quantiles = np.quantile(profit, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
    return Fan([0, *FAN_SESSIONS], *([0.0, *map(float, row)] for row in quantiles))


def _inputs(
    champion: Champion, rows: Mapping[str, FeatureRow], universe: Universe, now_ms: int
) -> dict[str, InputState]:
    newest = max(row.event_ms for row in rows.values())
    states = {}
    for asset in universe.asset:
        row = rows.get(asset.symbol)
        if row is None:
            states[asset.id] = InputState(None, "missing")
            continue
        age_s = (now_ms - row.seen_ms) / 1000
        if asset.kind == "price" and champion.refuses(row) is not None:
            status = "warming"
        else:
            status = "old" if age_s > OLD_S or newest - row.event_ms > OLD_EVENT_MS else "live"
        states[asset.id] = InputState(age_s, status, row.event_ms, row.feed, row.source_offset)
    known_ms = int(np.datetime64(champion.manifest.inflation_known, "ms").astype(np.int64))
    age_s = max(0.0, (newest - known_ms) / 1000)  # on the market's own clock
    states["cpi"] = InputState(age_s, "old" if age_s > OLD_DAYS * DAY_S else "live", known_ms)
    return states


def _notes(
    champion: Champion, rows: Mapping[str, FeatureRow], universe: Universe, now_ms: int, request: Request
) -> list[str]:
    notes = [] if champion.has_lstm else [NO_LSTM]
    if any(row.feed == "simulated" for row in rows.values()):
        notes.append(SIMULATED)
    states = _inputs(champion, rows, universe, now_ms)
    for asset in universe.asset:
        row = rows.get(asset.symbol)
        if asset.id in request.weights and row is not None and states[asset.id].status == "old":
            notes.append(f"{asset.name}: the newest quote is of {_iso(row.event_ms)[:10]}")
    if states["cpi"].status == "old":
        notes.append(
            f"inflation is estimated from consumer prices that end in {champion.manifest.inflation_month}; "
            "this model was fitted with none that are newer"
        )
    if {"nasdaq", "sp500", "gold"} & request.weights.keys():
        notes.append(INDICES)
    return [*notes, DOLLARS]


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
