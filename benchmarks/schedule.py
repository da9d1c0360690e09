"""When which symbol ticks: known beforehand to the load generator and to the probe, so neither asks the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.market import popularity, symbols_of
from producers.tick_batch import TickBatch


@dataclass(frozen=True)
class Schedule:
    """Ticks at a fixed rate. at_s : shape (n,), seconds after the start; symbol : shape (n,), its number."""

    at_s: npt.NDArray[np.float64]
    symbol: npt.NDArray[np.int64]
    symbols: int

    def ticks(self, begin: int, end: int, started_s: float) -> TickBatch:
        """Ticks begin to end; the event time of each is the moment it is scheduled for."""
        part = slice(begin, end)
        at_ms = ((started_s + self.at_s[part]) * 1000).astype(np.int64)
        names = np.array(symbols_of(self.symbols))[self.symbol[part]]
        n = end - begin
        return TickBatch(names, at_ms, np.full(n, 100.0), np.ones(n))

    def of_symbol(self, number: int) -> npt.NDArray[np.float64]:
        """When this symbol ticks, seconds after the start, increasing."""
        mine: npt.NDArray[np.float64] = self.at_s[self.symbol == number]
        return mine


def schedule(rate: float, seconds: float, symbols: int, seed: int = 1) -> Schedule:
    """The same for the same arguments.

    >>> schedule(10, 1, 5).at_s[:3].tolist()
    [0.0, 0.1, 0.2]
    """
    n = int(rate * seconds)
    at_s: npt.NDArray[np.float64] = np.arange(n, dtype=np.float64) / rate
    return Schedule(at_s, popularity(symbols, n, np.random.default_rng(seed)), symbols)
