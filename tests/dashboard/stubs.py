"""Rows, a champion and a source made by hand, every argument defaulted. The real types, no network."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dashboard.events import DriftReport, News
from dashboard.live import now_ms
from dashboard.record import Pipeline, Record
from feature_repo.features import NUMERIC_NAMES, WINDOW_CHANNELS, WINDOW_SESSIONS, spec_hash
from feature_repo.online import FeatureRow, MemoryReader
from producers.errors import FixAndRestart, TryAgain
from producers.sessions import nyse
from producers.universe import Universe, load_universe
from stream_processors.drift import DriftReport as DriftAlarm
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
    Suggestion,
    Summary,
)
from training.artefact import Manifest
from training.audit import Chain
from training.champion import Scenarios
from training.duel import Standing
from training.events import ModelEvent
from training.forecast_log import Forecast
from training.frontier import suggest
from training.horizons import FAN, LEVELS
from training.horizons import HORIZONS as LOGGED
from training.profit import Outcome, simulate
from training.said_and_done import Matured
from training.shape import normal_quantiles

UNIVERSE = load_universe()
PRICES = {"gold": 4105.2, "nasdaq": 22990.5, "sp500": 6650.1, "bitcoin": 64010.5, "cash": 4.05}
DRIFT = {"gold": 0.05, "nasdaq": 0.09, "sp500": 0.07, "bitcoin": 0.2, "cash": 0.04}  # per year
SPREAD = {"gold": 0.16, "nasdaq": 0.22, "sp500": 0.17, "bitcoin": 0.6, "cash": 0.002}


def row(
    symbol: str, price: float, *, feed: str = "simulated", at_ms: int | None = None, **values: float
) -> FeatureRow:
    """A warm row whose every feature has a value."""
    at_ms = now_ms() if at_ms is None else at_ms
    return FeatureRow(
        symbol=symbol,
        values={**dict.fromkeys(NUMERIC_NAMES, 0.01), "price": price, **values},
        window=np.zeros((WINDOW_SESSIONS, WINDOW_CHANNELS)),
        event_ms=at_ms,
        seen_ms=at_ms,
        session_date=20260730,
        n_sessions=300,
        is_warm=True,
        source_offset=1,
        feed=feed,
        spec_hash=spec_hash(),
    )


def rows(**given: Any) -> list[FeatureRow]:
    """One row per asset of the default universe."""
    return [row(asset.symbol, PRICES[asset.id], **given) for asset in UNIVERSE.asset]


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


def manifest(version: str = "v1") -> Manifest:
    """Of a model that drift asked for."""
    return Manifest(
        schema="artefact/3",
        version=version,
        created_ms=now_ms(),
        reason="drift",
        detail="",
        symbols=[asset.symbol for asset in UNIVERSE.priced],
        rate=None,
        as_of_session="2026-07-29",
        feed="simulated",
        data_hash="5f0c1d2e3a4b",
        spec_hash=spec_hash(),
        horizons=list(LOGGED),
        levels=[0.5],
        members=["climatology", "lstm"],
        inflation_month="2026-06",
        inflation_known="2026-07-14",
        earned={},
        report={
            "accepted": True,
            "gate": "on 378 held-out sessions the pool's CRPS is 0.40 % below that of the pool without the LSTM",
            "train_s": 61.0,
            "horizons": [1, 21, 63, 126],
            "crps": {"pool": [0.54, 0.55, 0.57, 0.58], "garch_fhs": [0.55, 0.56, 0.58, 0.6]},
        },
        request="drift:gold:20260729",
        replaces="v0",
        parameters={"seeds": 5, "epochs": 12},
        git_revision="0a1b2c3d",
    )


def chain(version: str = "v1") -> Chain:
    """From an alarm on gold to a promotion."""
    own = manifest(version)
    alarm = DriftAlarm(
        asset="gold",
        detector="scale",
        value=6_000.0,
        threshold=4_032.0,
        alarm=True,
        triggers=True,
        session_date=20260729,
        pit=0.999,
        model="v0",
        at_ms=now_ms(),
        window=23,
        bar="market.bars[4]@5120",
        forecast="forecasts.log[4]@733",
    )
    stood = Standing(version, "v0", 10, 0, -0.012, -1.4, 0.6, 0.0061, 0.0063)
    events = [
        ModelEvent(kind, "" if kind == "requested" else version, "drift", now_ms() + at)
        for at, kind in enumerate(("requested", "trained", "shadow", "promoted"))
    ]
    transition = {"name": "training", "reason": "gold at its threshold for two sessions"}
    return Chain(version, own, alarm, [transition], events, stood, f"promoted: {stood.words()}")


class StubSource:
    """A source whose parts a test sets; set `away` to make the store unreachable."""

    def __init__(
        self, *given: FeatureRow, champion: StubChampion | None = None, news: News | None = None
    ) -> None:
        self.reader = MemoryReader(given)
        self.model = champion
        self.problem: str | None = None
        self.said = news or News()
        self.known = Record()
        self.served: list[str] = ["v1", "v0"]
        self.did: list[str] = []
        self.away = ""
        self.asked: list[Request] = []

    def read(self) -> dict[str, FeatureRow]:
        if self.away:
            raise TryAgain(self.away)
        return self.reader.read(UNIVERSE.symbols)

    def champion(self) -> Any:
        return self.model

    def model_problem(self) -> str | None:
        return self.problem

    def news(self) -> News:
        return self.said

    def record(self) -> Record:
        return self.known

    def answer(self, request: Request, champion: Any, rows: dict[str, FeatureRow], now_ms: int) -> Answer:  # noqa: ARG002
        self.asked.append(request)
        return answer(request, champion, rows)

    def outcome(self, request: Request, champion: Any, rows: dict[str, FeatureRow]) -> Outcome:
        return simulate(request, champion.scenarios(rows), rows, UNIVERSE)

    def suggest(self, outcome: Outcome, horizon_sessions: int) -> Suggestion:
        return suggest(outcome, FAN.index(horizon_sessions))

    def shadow_sessions(self) -> int:
        return 10

    def versions(self) -> list[str]:
        return self.served

    def chain(self, version: str) -> Chain:
        if version not in self.served:
            raise FixAndRestart(f"no model {version!r}; there are: {', '.join(self.served)}")
        return chain(version)

    def retrain(self) -> str:
        self.did.append("retrain")
        return "A retraining was asked for."

    def roll_back(self, version: str) -> str:
        if version not in self.served:
            raise FixAndRestart(f"version: there is no model {version!r}")
        self.did.append(version)
        return f"{version} answers again."

    def move(self, asset_id: str, price: float, **values: Any) -> None:
        """A new tick of one asset."""
        symbol = next(asset.symbol for asset in UNIVERSE.asset if asset.id == asset_id)
        old = self.reader.rows.get(symbol)
        feed = old.feed if old else "simulated"
        self.reader.rows = {**self.reader.rows, symbol: row(symbol, price, feed=feed, **values)}


def champion(**given: Any) -> StubChampion:
    return replace(StubChampion(), **given)


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


def matured_rows(count: int = 120) -> list[Matured]:
    """What was said and what came of it, roughly as said."""
    rng = np.random.default_rng(5)
    days = [int(day) for day in nyse().yyyymmdd if day <= 20260601][-count:]
    rows_ = []
    for asset in UNIVERSE.priced:
        for horizon in (1, 21):
            for day in days:
                said = float(rng.uniform(0.05, 0.6))
                loss = bool(rng.uniform() < said)
                inside = bool(rng.uniform() < 0.9)
                rows_.append(
                    Matured(asset.symbol, day, horizon, "v1", said, loss, inside, not inside and loss, 0.01)
                )
    return rows_


def record(**given: Any) -> Record:
    """A long memory: closes of a quarter of a century, forecasts that have come due."""
    known = closes()
    recent = {symbol: dict(sorted(series.items())[-64:]) for symbol, series in known.items()}
    scored = matured_rows()
    return replace(
        Record(
            closes=known,
            recent=recent,
            forecasts=480,
            newest_forecast=20260729,
            fitted={(one.symbol, one.session_date): (0.0003, 0.08, 0.9) for one in scored},
            matured=scored,
            pipeline=Pipeline(3, 2),
            revision=1,
        ),
        **given,
    )


def news(sessions: int = 60, alarm: bool = False) -> News:
    """Reports of every detector over the last sessions and the events of one model."""
    said = News()
    days = [int(day) for day in nyse().yyyymmdd if day <= 20260729][-sessions:]
    rng = np.random.default_rng(11)
    for asset in UNIVERSE.priced:
        for detector in ("scale", "location"):
            level = np.exp(np.abs(np.cumsum(rng.normal(0, 0.25, sessions))))
            for at, day in enumerate(days):
                last = alarm and asset.id == "gold" and at == sessions - 1
                value = 6_000.0 if last else float(min(level[at], 3_000))
                said = said.with_report(
                    DriftReport(asset.id, detector, value, 4032.0, last, day, now_ms() - 60_000)
                )
    at = now_ms() - 3_600_000
    for offset, kind in enumerate(("requested", "trained", "promoted")):
        event = ModelEvent(kind, "" if kind == "requested" else "v1", "history", at + offset * 60_000)
        said = said.with_event(event)
    return said


def trial(sessions: int, holes: int = 0, wider: float = 1.0) -> list[Forecast]:
    """Of the champion v1 after every session, of v2 after all but the last `holes`; v2's are `wider` times as wide."""
    days = [int(day) for day in nyse().yyyymmdd if day > 20260101][: sessions + holes]
    made = [("v1", "champion", days), ("v2", "challenger", days[:sessions])]
    found = [
        Forecast(
            symbol="GC=F",
            session_date=day,
            session_close_ms=1,
            price=100.0 * 1.004 ** (days.index(day) % 3),
            model=model,
            data_hash="",
            spec_hash="",
            made_ms=5,
            horizons=list(LOGGED),
            levels=LEVELS.tolist(),
            quantiles=[(normal_quantiles() * (0.01 if role == "champion" else 0.01 * wider)).tolist()]
            * len(LOGGED),
            role=role,
        )
        for model, role, dates in made
        for day in dates
    ]
    return sorted(found, key=lambda one: one.session_date)
