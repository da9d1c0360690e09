"""What the stream writes: `bar/1` on `market.bars`, `features/1` on `features.rolling`, dead letters."""

from __future__ import annotations

from typing import Annotated

import msgspec

BAR_SCHEMA = "bar/1"
FEATURES_SCHEMA = "features/1"
DEAD_SCHEMA = "dead/1"


class Bar(msgspec.Struct, frozen=True):
    """One final session of one symbol. A correction has the same key and replaces it."""

    symbol: str
    session_date: int  # yyyymmdd, New York
    open: float
    high: float
    low: float
    close: float
    ticks: int
    close_event_ms: int  # exchange time of the closing tick, ms since epoch, UTC
    session_close_ms: int  # official close of the session
    history: bool = False  # came from a backfill

    @property
    def key(self) -> bytes:
        """Kafka key: symbol and session date."""
        return f"{self.symbol}|{self.session_date}".encode()


class Features(msgspec.Struct, frozen=True, omit_defaults=True):
    """One feature row. `final` rows are as of an official close; the others as of `event_ms`."""

    symbol: str
    event_ms: int
    seen_ms: int
    session_date: int
    n_sessions: int
    is_warm: Annotated[int, msgspec.Meta(ge=0, le=1)]
    feed: str
    spec_hash: str
    values: dict[str, float | None]
    window: list[float] | None  # oldest first, see feature_repo.features
    final: bool = False
    session_close_ms: int | None = None  # of a final row
    source_offset: int | None = None  # newest record of `market.ticks` that the row contains


class DeadTick(msgspec.Struct, frozen=True):
    """A refused tick of a frame whose other ticks were used."""

    source: str
    epoch: str
    seq: int
    symbol: str
    event_ms: int
    price: float | None
    seen_ms: int
    size: float | None = None
