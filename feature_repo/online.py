"""Reading features online, through the stock Feast API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from feature_repo.features import NUMERIC_NAMES, WINDOW, WINDOW_CHANNELS, WINDOW_SESSIONS
from producers.errors import TryAgain
from producers.settings import Settings


class FeatureRow(msgspec.Struct, frozen=True):
    """The newest features of one symbol. A value is None while its warm-up lasts."""

    symbol: str
    values: dict[str, float | None]  # the numeric features of the spec
    window: npt.NDArray[np.float64] | None  # shape (WINDOW_SESSIONS, WINDOW_CHANNELS)
    event_ms: int
    seen_ms: int
    session_date: int  # yyyymmdd
    n_sessions: int
    is_warm: bool
    source_offset: int
    feed: str
    spec_hash: str


class FeatureReader(Protocol):
    """Where the page and the command line get their features from."""

    def read(self, symbols: Sequence[str]) -> dict[str, FeatureRow]:
        """Rows of the symbols that have one. Raises TryAgain when the store does not answer."""


class MemoryReader:
    """A reader that serves the rows it was given; passes the same contract tests as FeastReader."""

    def __init__(self, rows: Sequence[FeatureRow] = ()) -> None:
        self.rows = {row.symbol: row for row in rows}

    def read(self, symbols: Sequence[str]) -> dict[str, FeatureRow]:
        return {symbol: self.rows[symbol] for symbol in symbols if symbol in self.rows}


class FeastReader:
    """One call of `get_online_features` for all symbols."""

    def __init__(self, settings: Settings) -> None:
        from feature_repo.store import open_store  # feast takes seconds to import

        self._store = open_store(settings)
        self._service = self._store.get_feature_service("forecast")

    def read(self, symbols: Sequence[str]) -> dict[str, FeatureRow]:
        import redis

        from feature_repo.store import refusal

        try:
            answer = self._store.get_online_features(
                features=self._service, entity_rows=[{"symbol": symbol} for symbol in symbols]
            ).to_dict()
        except (redis.RedisError, OSError) as error:
            why = refusal(error) or f"does not answer: {error}"
            raise TryAgain(f"the online store {why}") from error
        return {
            symbol: _row(symbol, answer, position)
            for position, symbol in enumerate(symbols)
            if answer["event_ms"][position] is not None
        }


def _row(symbol: str, answer: dict[str, list[Any]], position: int) -> FeatureRow:
    window = answer[WINDOW.name][position]
    return FeatureRow(
        symbol=symbol,
        values={name: answer[name][position] for name in NUMERIC_NAMES},
        window=np.array(window).reshape(WINDOW_SESSIONS, WINDOW_CHANNELS) if window else None,
        event_ms=answer["event_ms"][position],
        seen_ms=answer["seen_ms"][position],
        session_date=answer["session_date"][position],
        n_sessions=answer["n_sessions"][position],
        is_warm=bool(answer["is_warm"][position]),
        source_offset=answer["source_offset"][position],
        feed=answer["feed"][position],
        spec_hash=answer["spec_hash"][position],
    )
