"""Worlds with estimated models: a decade to fit the pool on, then years in which it forecasts and is scored.

Features come from the kernel and forecasts from the members that are served, fitted as they are for serving.
Only the LSTM is left out: it moves scales by a few percent and takes a minute a world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.drift.market import ASSETS, FloatArray
from feature_repo.features import NUMERIC_NAMES, WARM_SESSIONS, WINDOW
from producers.sessions import nyse
from producers.tick import TickFrame
from producers.universe import load_universe
from stream_processors.matching import pit
from stream_processors.partition import Partition
from training import pool
from training.dataset import Dataset, build
from training.garch import GarchFhs
from training.horizons import HORIZONS, LEVELS
from training.inputs import inputs_of
from training.member import Member

FIRST = 4_000  # session of the first price, somewhere in 1977
FITTED = 2_520  # sessions the models are fitted on
LEAD = 320  # sessions of it that the features after it need again
SYMBOLS = [asset.symbol for asset in load_universe().priced][:ASSETS]


@dataclass(frozen=True)
class Years:
    """Monitored sessions of one world. All arrays oldest first.

    pit     : shape (n, ASSETS), levels at which outcomes fell.
    returns : shape (n, ASSETS), the outcomes.       before : shape (FITTED, ASSETS), returns fitted on.
    quantiles : shape (n, ASSETS, L), the 1-session forecasts.     garch : shape (ASSETS, 3), see LevelDetector.
    """

    pit: FloatArray
    returns: FloatArray
    before: FloatArray
    quantiles: FloatArray
    garch: FloatArray


def features(returns: FloatArray, first: int) -> pd.DataFrame:
    """Feature rows of final sessions of all assets. returns : shape (n, ASSETS)."""
    prices = 100 * np.exp(np.cumsum(returns, axis=0))
    parts = []
    for position, symbol in enumerate(SYMBOLS):
        series = [*prices[:, position].tolist(), float(prices[-1, position])]
        frame = TickFrame(
            source="bench",
            epoch="bench",
            seq=0,
            seen_ms=int(nyse().close_ms[-1]),
            symbols=[symbol],
            symbol=[0] * len(series),
            event_ms=nyse().close_ms[first : first + len(series)].tolist(),
            price=series,
            history=True,  # settled closes: nothing about them is to be confirmed
        )
        finals = Partition(0, "bench", load_universe(), nyse()).apply(frame, 0).finals
        rows = np.array([final.row for final in finals])
        part = pd.DataFrame(rows[:, : len(NUMERIC_NAMES)], columns=list(NUMERIC_NAMES))
        part[WINDOW.name] = list(rows[:, len(NUMERIC_NAMES) :])
        part["symbol"] = symbol
        part["is_warm"] = [int(final.n_sessions >= WARM_SESSIONS) for final in finals]
        part["feed"] = "bench"
        part["event_timestamp"] = pd.to_datetime(
            [final.bar.session_close_ms for final in finals], unit="ms", utc=True
        )
        parts.append(part)
    return pd.concat(parts)


def dataset(returns: FloatArray) -> Dataset:
    """The training set of a history of returns."""
    return build(features(returns, FIRST), SYMBOLS)


def forecasts(fitted: dict[str, Member], before: FloatArray, after: FloatArray) -> FloatArray:
    """What the pool says before each session of `after`, shape (n, ASSETS, H, L), at all horizons."""
    lead = before[-LEAD:]
    table = features(np.concatenate([lead, after]), FIRST + len(before) - LEAD)
    out = np.empty((*after.shape, len(HORIZONS), len(LEVELS)))
    for position, symbol in enumerate(SYMBOLS):
        rows = table[table["symbol"] == symbol].iloc[LEAD - 1 : -1]
        inputs = inputs_of(rows, rows[WINDOW.name])
        quantiles = {name: member.quantiles(position, inputs) for name, member in fitted.items()}
        usable = {name: q for name, q in quantiles.items() if np.isfinite(q).all()}
        share = np.full(len(HORIZONS), 1 / len(usable))
        out[:, position] = pool.combine(usable, dict.fromkeys(usable, share))
    return out


def follow(fitted: dict[str, Member], before: FloatArray, after: FloatArray) -> Years:
    """Forecast and score every session of `after` with models fitted on `before`."""
    out = forecasts(fitted, before, after)[:, :, 0]
    level = np.array(
        [
            [pit(q, LEVELS, y) for q, y in zip(row, outcome, strict=True)]
            for row, outcome in zip(out, after, strict=True)
        ]
    )
    garch = fitted[GarchFhs.name].arrays()["parameters"][:, [0, 2, 3]]
    return Years(level, after, before, out, garch)
