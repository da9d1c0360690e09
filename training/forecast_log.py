"""`forecast/1` on `forecasts.log`: what was forecast at each session's close, immutable.

Made from the final feature row of the session, so it knows nothing that came later. The drift monitor
scores the 1-session part when the next session closes.
"""

from __future__ import annotations

import time

import msgspec
import numpy as np

from feature_repo.features import WINDOW_CHANNELS, WINDOW_SESSIONS
from feature_repo.online import FeatureRow
from stream_processors.messages import Features
from training.champion import Champion
from training.earned import Earned
from training.horizons import HORIZONS, LEVELS

SCHEMA = "forecast/1"


class Forecast(msgspec.Struct, frozen=True):
    """Quantiles of log returns from the close of `session_date`, per horizon and level."""

    symbol: str
    session_date: int  # yyyymmdd
    session_close_ms: int
    price: float
    model: str
    data_hash: str
    spec_hash: str
    made_ms: int
    horizons: list[int]
    levels: list[float]
    quantiles: list[list[float]]
    earned: Earned | None = None  # weights, live skill and matured labels of the members behind it
    role: str = (
        "champion"  # or challenger (in its shadow) or previous (watched for a rollback): seen by nobody
    )
    garch: list[float] | None = (
        None  # mean, alpha and beta of the fitted process, which drift is judged against
    )
    without_lstm: list[float] | None = None  # quantiles of the first horizon, of the pool without the LSTM
    source: str | None = None  # newest record of market.ticks that it knows, as `market.ticks[3]@1042`


def forecast_of(
    champion: Champion, message: Features, role: str = "champion", source: str | None = None
) -> Forecast | None:
    """The forecast for a final row, None when the model does not cover the asset."""
    row = FeatureRow(
        symbol=message.symbol,
        values=message.values,
        window=None
        if message.window is None
        else np.array(message.window).reshape(WINDOW_SESSIONS, WINDOW_CHANNELS),
        event_ms=message.event_ms,
        seen_ms=message.seen_ms,
        session_date=message.session_date,
        n_sessions=message.n_sessions,
        is_warm=bool(message.is_warm),
        source_offset=message.source_offset or 0,  # of no consequence to a forecast
        feed=message.feed,
        spec_hash=message.spec_hash,
    )
    price = message.values["price"]
    if not message.final or message.session_close_ms is None or price is None or champion.refuses(row):
        return None
    without = champion.without_lstm(row)
    return Forecast(
        symbol=message.symbol,
        session_date=message.session_date,
        session_close_ms=message.session_close_ms,
        price=price,
        model=champion.version,
        data_hash=champion.manifest.data_hash,
        spec_hash=message.spec_hash,
        made_ms=int(time.time() * 1000),
        horizons=list(HORIZONS),
        levels=LEVELS.tolist(),
        quantiles=champion.quantiles([row])[0].tolist(),
        earned=champion.earned(message.symbol),
        role=role,
        garch=champion.garch(message.symbol),
        without_lstm=None if without is None else without[HORIZONS.index(1)].tolist(),
        source=source,
    )
