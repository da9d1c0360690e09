"""The training set: Feast's point-in-time join, then labels by NYSE session.

A label of horizon h at session s is the log return from s to the last price at or before session s + h.
It exists only when session s + h has ended within the data, so nothing after the end of the data leaks in.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.dataset

from feature_repo.features import WINDOW, WINDOW_CHANNELS, WINDOW_SESSIONS, spec_hash
from producers.errors import TryAgain
from producers.sessions import nyse
from producers.settings import Settings
from producers.universe import Universe
from training.horizons import HORIZONS, FloatArray
from training.volatility import anchor

STATICS = ("momentum_21", "momentum_63", "momentum_252", "rv5_252", "rv21_252", "ewma_63")
MIN_WARM = 252  # warm sessions an asset needs before it is forecast


@dataclass(frozen=True)
class Panel:
    """One asset's history, oldest first; n warm sessions.

    session : shape (n,), index in the NYSE calendar.     price   : shape (n,), quote.
    sigma   : shape (n, len(HORIZONS)), the volatility anchor.
    window  : shape (n, WINDOW_SESSIONS, WINDOW_CHANNELS). statics : shape (n, len(STATICS)).
    target  : shape (n, len(HORIZONS)), log return to each horizon; NaN where it has not ended yet.
    """

    symbol: str
    session: npt.NDArray[np.int64]
    price: FloatArray
    sigma: FloatArray
    window: FloatArray
    statics: FloatArray
    target: FloatArray


@dataclass(frozen=True)
class Dataset:
    """All priced assets that have enough history, and what the data are."""

    panels: list[Panel]
    last_session: int  # newest final session of any asset
    data_hash: str
    spec_hash: str
    feed: str

    @property
    def symbols(self) -> list[str]:
        return [panel.symbol for panel in self.panels]


def statics_of(frame: Any) -> FloatArray:
    """The model's second input from feature columns (arrays or scalars), shape (..., len(STATICS)).

    Ratios of volatilities are per session and in logs; infinities from a zero volatility become 0.
    """
    rv = {
        n: np.asarray(frame[f"realised_volatility_{n}"], dtype=float) / np.sqrt(n) for n in (5, 21, 63, 252)
    }
    ewma = np.asarray(frame["ewma_volatility"], dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = [
            *(np.asarray(frame[name], dtype=float) for name in STATICS[:3]),
            np.log(rv[5] / rv[252]),
            np.log(rv[21] / rv[252]),
            np.log(ewma / rv[63]),
        ]
    result: FloatArray = np.clip(np.nan_to_num(np.stack(columns, axis=-1), posinf=0, neginf=0), -5, 5)
    return result


def load_dataset(settings: Settings, universe: Universe) -> Dataset:
    """Every final session of every priced asset. Raises TryAgain when there is not enough history yet."""
    from feature_repo.store import open_store

    if not any(settings.offline_dir.glob("*.parquet")):
        raise TryAgain(f"{settings.offline_dir}: no final sessions yet; is the stream worker running?")
    priced = [asset.symbol for asset in universe.priced]
    rows = pyarrow.dataset.dataset(settings.offline_dir, format="parquet")
    known = rows.to_table(
        columns=["symbol", "event_timestamp"], filter=pyarrow.dataset.field("symbol").isin(priced)
    )
    store = open_store(settings)
    frame = store.get_historical_features(
        entity_df=known.to_pandas(), features=store.get_feature_service("forecast")
    ).to_df()
    return build(frame, priced)


def build(frame: pd.DataFrame, symbols: list[str]) -> Dataset:
    """Panels from a point-in-time frame (one row per symbol and session)."""
    frame = frame.sort_values(["symbol", "event_timestamp"]).drop_duplicates(["symbol", "event_timestamp"])
    times = frame["event_timestamp"].dt.tz_convert("UTC").dt.tz_localize(None)
    close_ms = times.to_numpy().astype("datetime64[ms]").astype(np.int64)
    frame = frame.assign(_session=np.searchsorted(nyse().close_ms, close_ms))
    digest = hashlib.sha256()
    panels = []
    for symbol in symbols:
        rows = frame[frame["symbol"] == symbol]
        digest.update(
            symbol.encode() + rows["_session"].to_numpy().tobytes() + rows["price"].to_numpy().tobytes()
        )
        panel = _panel(symbol, rows)
        if panel is not None:
            panels.append(panel)
    if not panels:
        raise TryAgain(f"no asset has {MIN_WARM} warm sessions yet")
    feeds = sorted(set(frame["feed"]))
    return Dataset(
        panels, int(frame["_session"].max()), digest.hexdigest()[:16], spec_hash(), "+".join(feeds)
    )


def _panel(symbol: str, rows: pd.DataFrame) -> Panel | None:
    warm = (rows["is_warm"] == 1).to_numpy()
    if warm.sum() < MIN_WARM:
        return None
    session = rows["_session"].to_numpy()
    x = np.log(rows["price"].to_numpy())
    target = np.full((len(rows), len(HORIZONS)), np.nan)
    for column, horizon in enumerate(HORIZONS):
        end = session + horizon
        at = np.searchsorted(session, end, side="right") - 1
        ended = end <= session[-1]
        target[ended, column] = x[at[ended]] - x[ended]
    chosen = rows[warm]
    window = np.stack(list(chosen[WINDOW.name])).reshape(-1, WINDOW_SESSIONS, WINDOW_CHANNELS)
    return Panel(
        symbol=symbol,
        session=session[warm],
        price=chosen["price"].to_numpy(),
        sigma=anchor(chosen["ewma_volatility"].to_numpy(), chosen["realised_volatility_252"].to_numpy()),
        window=window,
        statics=statics_of(chosen),
        target=target[warm],
    )
