"""One row on its way to the online store. Apart from the store, so that pure code need not import Feast."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class OnlineRow(msgspec.Struct, frozen=True):
    """One row to write. `values` are in the order of the feature spec; None is stored as null."""

    symbol: str
    event_ms: int
    values: tuple[float | int | str | Sequence[float] | None, ...]
    log: str  # identity of the source log (topic id and partition)
    offset: int  # newest source offset contained in the row
