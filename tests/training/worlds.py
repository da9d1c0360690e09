"""Small data sets for training tests, through the real kernel."""

from __future__ import annotations

import numpy as np
import pandas as pd

from feature_repo.features import NUMERIC_NAMES, WARM_SESSIONS
from producers.sessions import nyse
from producers.universe import load_universe
from stream_processors.partition import Partition
from tests.stubs import closes, random_walk
from training.dataset import Dataset, build

SYMBOLS = ["GC=F", "^IXIC"]
RATE = "^IRX"


def frame_of(prices: dict[str, list[float]], first: int = 9_000) -> pd.DataFrame:
    """A point-in-time frame as Feast returns it, one row per symbol and final session."""
    parts = []
    for symbol, series in prices.items():
        partition = Partition(0, "log", load_universe(), nyse())
        outcome = partition.apply(closes([*series, series[-1]], symbol, first), 0)
        rows = np.array([final.row for final in outcome.finals])
        part = pd.DataFrame(rows[:, : len(NUMERIC_NAMES)], columns=list(NUMERIC_NAMES))
        part["window"] = [None if np.isnan(row[-1]) else row[len(NUMERIC_NAMES) :] for row in rows]
        part["symbol"] = symbol
        part["n_sessions"] = [final.n_sessions for final in outcome.finals]
        part["is_warm"] = (part["n_sessions"] >= WARM_SESSIONS).astype(int)
        part["feed"] = "csv"
        closes_ms = [final.bar.session_close_ms for final in outcome.finals]
        part["event_timestamp"] = pd.to_datetime(closes_ms, unit="ms", utc=True)
        parts.append(part)
    return pd.concat(parts)


def dataset(n: int = 2_000, seed: int = 0) -> Dataset:
    """Two assets and the short rate, of n sessions."""
    walks = {symbol: random_walk(n, seed + i) for i, symbol in enumerate(SYMBOLS)}
    walks[RATE] = random_walk(n, seed + len(SYMBOLS), start=3.0)
    return build(frame_of(walks), SYMBOLS, RATE)


def garch_world(n: int, seed: int, omega: float, alpha: float, beta: float) -> list[float]:
    """Prices whose volatility clusters as in GARCH(1,1), with normal shocks."""
    rng = np.random.default_rng(seed)
    variance, x, prices = omega / (1 - alpha - beta), np.log(100.0), []
    for shock in rng.standard_normal(n):
        step = np.sqrt(variance) * shock
        x += step + 2e-4
        variance = omega + alpha * step**2 + beta * variance
        prices.append(float(np.exp(x)))
    return prices
