"""What was forecast, and what came of it, made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dashboard.record import Pipeline, Record
from producers.sessions import nyse
from tests.dashboard.stubs.market import UNIVERSE, closes
from tests.training.stubs import forecast
from training.forecast_log import Forecast
from training.horizons import HORIZONS as LOGGED
from training.said_and_done import Matured
from training.shape import normal_quantiles


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


def trial(sessions: int, holes: int = 0, wider: float = 1.0) -> list[Forecast]:
    """Of the champion v1 after every session, of v2 after all but the last `holes`; v2's are `wider` times as wide."""
    days = [int(day) for day in nyse().yyyymmdd if day > 20260101][: sessions + holes]
    made = [("v1", "champion", days), ("v2", "challenger", days[:sessions])]
    found = [
        forecast(
            session_date=day,
            price=100.0 * 1.004 ** (days.index(day) % 3),
            model=model,
            made_ms=5,
            horizons=list(LOGGED),
            quantiles=[(normal_quantiles() * (0.01 if role == "champion" else 0.01 * wider)).tolist()]
            * len(LOGGED),
            role=role,
        )
        for model, role, dates in made
        for day in dates
    ]
    return sorted(found, key=lambda one: one.session_date)
