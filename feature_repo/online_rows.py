"""Rows on their way to the online store. Apart from the store, so that pure code need not import Feast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from feature_repo.features import NUMERIC, PROVENANCE, spec_hash

INTEGERS = tuple(feature.name for feature in PROVENANCE if feature.dtype == "int64")
EVENT_MS = INTEGERS.index("event_ms")
SOURCE_OFFSET = INTEGERS.index("source_offset")


class OnlineRow(msgspec.Struct, frozen=True):
    """One row. `values` are in the order of the feature spec; None is stored as null."""

    symbol: str
    event_ms: int
    values: tuple[float | int | str | Sequence[float] | None, ...]
    log: str  # identity of the source log (topic id, partition, feature spec)
    offset: int  # newest record of it that the row contains


@dataclass(frozen=True)
class OnlineRows:
    """n rows of one source log, in columns: what the hot path hands from the kernel to the store.

    rows     : shape (n, ROW_SIZE), kernel rows; NaN is stored as null.
    integers : shape (n, len(INTEGERS)), the integer features of the provenance, in their order.
    feeds    : n names.
    log      : identity of the source log (topic id, partition, feature spec).
    """

    symbols: list[str]
    rows: npt.NDArray[np.float64]
    integers: npt.NDArray[np.int64]
    feeds: list[str]
    log: str

    def __len__(self) -> int:
        return len(self.symbols)

    def __getitem__(self, i: int) -> OnlineRow:
        """One row as plain values; for messages and comparisons, not for the hot path."""
        integers = self.integers[i].tolist()
        return OnlineRow(
            symbol=self.symbols[i],
            event_ms=integers[EVENT_MS],
            values=(*numeric(self.rows[i]), window(self.rows[i]), *integers, self.feeds[i], spec_hash()),
            log=self.log,
            offset=integers[SOURCE_OFFSET],
        )

    def __iter__(self) -> Iterator[OnlineRow]:
        return (self[i] for i in range(len(self)))


def numeric(row: npt.NDArray[np.float64]) -> list[float | None]:
    """The numeric features of a kernel row; NaN becomes None."""
    return [None if value != value else value for value in row[: len(NUMERIC)].tolist()]


def window(row: npt.NDArray[np.float64]) -> list[float] | None:
    """The model's input window of a kernel row; None while it is not warm."""
    values = row[len(NUMERIC) :]
    return None if np.isnan(values[0]) else values.tolist()
