"""A folder of CSV files as a data set, through the kernel that serves the live features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from feature_repo.features import NUMERIC_NAMES, WARM_SESSIONS
from producers.csv_feed import CsvFeed
from producers.sessions import nyse
from producers.tick import TickFrame
from producers.universe import Universe
from stream_processors.partition import Partition
from training.dataset import Dataset, build


def load(folder: Path, universe: Universe) -> Dataset:
    """Every final session of every asset. Raises FixAndRestart (a bad file), TryAgain (too short)."""
    feed = CsvFeed(folder, universe, replay_sessions=0, sessions_per_s=1.0)
    (ticks,) = feed.history()
    given = set(ticks.symbol)
    symbols = [asset.symbol for asset in universe.priced if asset.symbol in given]
    rate = universe.deposit.symbol if universe.deposit is not None else ""
    parts = []
    for symbol in [*symbols, rate] if rate in given else symbols:
        own = ticks.symbol == symbol
        partition = Partition(0, "bench", universe, nyse())
        record = TickFrame(
            source=feed.name,
            epoch="bench",
            seq=0,
            seen_ms=int(nyse().close_ms[-1]),
            symbols=[symbol],
            symbol=[0] * int(own.sum()),
            event_ms=ticks.event_ms[own].tolist(),
            price=ticks.price[own].tolist(),
        )
        finals = partition.apply(record, 0).finals
        rows = np.array([final.row for final in finals])
        part = pd.DataFrame(rows[:, : len(NUMERIC_NAMES)], columns=list(NUMERIC_NAMES))
        part["window"] = list(rows[:, len(NUMERIC_NAMES) :])
        part["symbol"] = symbol
        part["is_warm"] = [int(final.n_sessions >= WARM_SESSIONS) for final in finals]
        part["feed"] = feed.name
        closes = [final.bar.session_close_ms for final in finals]
        part["event_timestamp"] = pd.to_datetime(closes, unit="ms", utc=True)
        parts.append(part)
    return build(pd.concat(parts), symbols, rate if rate in given else None)
