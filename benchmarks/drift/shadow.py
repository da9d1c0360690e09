"""The shadow's verdict on two models, from forecasts as they are logged."""

from __future__ import annotations

import numpy as np

from benchmarks.drift.market import FloatArray
from benchmarks.drift.worlds import FIRST, SYMBOLS
from producers.sessions import nyse
from producers.settings import Settings
from training.duel import Duel, Standing
from training.forecast_log import Forecast
from training.horizons import HORIZONS, LEVELS

SHADOW_SESSIONS = int(Settings.model_fields["shadow_sessions"].default)


def duel(old: FloatArray, new: FloatArray, returns: FloatArray) -> Standing:
    """How the new model does beside the old one.

    old, new : shape (n, ASSETS, H, L), quantiles before each session; returns : shape (n, ASSETS), its outcome.
    """
    found = Duel("new", "old")
    price = 100 * np.exp(np.cumsum(np.vstack([np.zeros(returns.shape[1]), returns]), axis=0))
    for session in range(len(returns)):
        for at, symbol in enumerate(SYMBOLS):
            for model, quantiles in (("old", old), ("new", new)):
                found.add(
                    Forecast(
                        symbol=symbol,
                        session_date=int(nyse().yyyymmdd[FIRST + session]),
                        session_close_ms=0,
                        price=float(price[session, at]),
                        model=model,
                        data_hash="",
                        spec_hash="",
                        made_ms=0,
                        horizons=list(HORIZONS),
                        levels=LEVELS.tolist(),
                        quantiles=quantiles[session, at].tolist(),
                    )
                )
    return found.standing()
