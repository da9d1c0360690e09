"""Ticks of one feed, in event order: what feeds yield and the publisher packs into frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class TickBatch:
    """Columns of equal length n, in non-decreasing event time per symbol.

    symbol   : shape (n,), str.
    event_ms : shape (n,), int64, exchange time, ms since epoch, UTC.
    price    : shape (n,), float64; quote currency, or percent per year for a rate.
    size     : shape (n,), float64, units traded; None where the feed does not know.
    mark     : shape (n,), int64, values of producers.tick.Mark; None where there are none.
    settled  : official closes, which no later tick contradicts.
    whole    : the whole past of each of its symbols: what was published of them before is replaced.
    """

    symbol: npt.NDArray[np.str_]
    event_ms: npt.NDArray[np.int64]
    price: npt.NDArray[np.float64]
    size: npt.NDArray[np.float64] | None = None
    mark: npt.NDArray[np.int64] | None = None
    whole: bool = False
    settled: bool = False

    def __len__(self) -> int:
        return len(self.symbol)

    def take(self, chosen: npt.NDArray[np.generic]) -> TickBatch:
        """The ticks at these positions, or where a mask of shape (n,) is true."""
        size = None if self.size is None else self.size[chosen]
        mark = None if self.mark is None else self.mark[chosen]
        return TickBatch(
            self.symbol[chosen],
            self.event_ms[chosen],
            self.price[chosen],
            size,
            mark,
            self.whole,
            self.settled,
        )


NOTHING = TickBatch(np.array([], dtype=str), np.array([], dtype=np.int64), np.array([]))


def batch(
    symbol: list[str], event_ms: list[int], price: list[float], size: list[float] | None = None
) -> TickBatch:
    """A batch from plain lists."""
    return TickBatch(
        np.array(symbol, dtype=str),
        np.array(event_ms, dtype=np.int64),
        np.array(price, dtype=float),
        None if size is None else np.array(size, dtype=float),
    )
