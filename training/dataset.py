"""The training set: Feast's point-in-time join, then labels by NYSE session.

A label of horizon h at session s is the log return from s to the last price at or before session s + h.
It exists only when session s + h has ended within the data, so nothing after the end of the data leaks in.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.dataset

from feature_repo.features import WINDOW, spec_hash
from producers.errors import TryAgain
from producers.sessions import nyse
from producers.settings import Settings
from producers.universe import Universe
from training.horizons import HORIZONS
from training.inputs import inputs_of
from training.panel import Panel

MIN_WARM = 252  # warm sessions an asset needs before it is forecast


@dataclass(frozen=True)
class Dataset:
    """All priced assets that have enough history, and what the data are."""

    panels: list[Panel]
    last_session: int  # newest final session of any asset
    data_hash: str
    spec_hash: str
    feed: str
    rate: Panel | None = None  # the short rate, whose targets are changes of rate / 100; None without history

    @property
    def symbols(self) -> list[str]:
        return [panel.symbol for panel in self.panels]


def load_dataset(settings: Settings, universe: Universe) -> Dataset:
    """Every final session of every priced asset. Raises TryAgain when there is not enough history yet."""
    priced = [asset.symbol for asset in universe.priced]
    rate = universe.deposit.symbol if universe.deposit is not None else None
    return build(final_rows(settings, priced if rate is None else [*priced, rate]), priced, rate)


def final_rows(settings: Settings, symbols: list[str]) -> pd.DataFrame:
    """Every final session of these symbols, by Feast's point-in-time join; rows of another feature spec are left out.

    Raises TryAgain when there are none.
    """
    from feature_repo.store import open_store

    if not any(settings.offline_dir.glob("*.parquet")):
        raise TryAgain(f"{settings.offline_dir}: no final sessions yet; is the stream worker running?")
    rows = pyarrow.dataset.dataset(settings.offline_dir, format="parquet")
    known = rows.to_table(
        columns=["symbol", "event_timestamp"], filter=pyarrow.dataset.field("symbol").isin(symbols)
    )
    store = open_store(settings)
    frame: pd.DataFrame = store.get_historical_features(
        entity_df=known.to_pandas(), features=store.get_feature_service("forecast")
    ).to_df()
    own = frame[frame["spec_hash"] == spec_hash()]
    if len(frame) and own.empty:
        raise TryAgain(
            f"{settings.offline_dir}: all final sessions are of another feature spec than {spec_hash()}; the stream "
            "worker writes them again from the log: is it running?"
        )
    return own


def build(frame: pd.DataFrame, symbols: list[str], rate: str | None = None) -> Dataset:
    """Panels from a point-in-time frame (one row per symbol and session). rate : symbol of the short rate."""
    frame = frame.sort_values(["symbol", "event_timestamp"]).drop_duplicates(["symbol", "event_timestamp"])
    times = frame["event_timestamp"].dt.tz_convert("UTC").dt.tz_localize(None)
    close_ms = times.to_numpy().astype("datetime64[ms]").astype(np.int64)
    frame = frame.assign(_session=np.searchsorted(nyse().close_ms, close_ms))
    digest = hashlib.sha256()
    panels = []
    short_rate = None
    for symbol in symbols if rate is None else [*symbols, rate]:
        rows = frame[frame["symbol"] == symbol]
        digest.update(
            symbol.encode() + rows["_session"].to_numpy().tobytes() + rows["price"].to_numpy().tobytes()
        )
        panel = _panel(symbol, rows, is_rate=symbol == rate)
        if symbol == rate:
            short_rate = panel
        elif panel is not None:
            panels.append(panel)
    if not panels:
        raise TryAgain(f"no asset has {MIN_WARM} warm sessions yet")
    feeds = sorted(set(frame["feed"]))
    return Dataset(
        panels,
        int(frame["_session"].max()),
        digest.hexdigest()[:16],
        spec_hash(),
        "+".join(feeds),
        short_rate,
    )


def _panel(symbol: str, rows: pd.DataFrame, is_rate: bool) -> Panel | None:
    warm = (rows["is_warm"] == 1).to_numpy()
    if warm.sum() < MIN_WARM:
        return None
    session = rows["_session"].to_numpy()
    price = rows["price"].to_numpy()
    x = price / 100 if is_rate else np.log(price)
    target = np.full((len(rows), len(HORIZONS)), np.nan)
    for column, horizon in enumerate(HORIZONS):
        end = session + horizon
        at = np.searchsorted(session, end, side="right") - 1
        ended = end <= session[-1]
        target[ended, column] = x[at[ended]] - x[ended]
    chosen = rows[warm]
    return Panel(
        symbol=symbol,
        session=session[warm],
        price=chosen["price"].to_numpy(),
        inputs=inputs_of(chosen, chosen[WINDOW.name]),
        target=target[warm],
    )
