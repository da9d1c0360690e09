"""Seeded ticks over many symbols, popular and rare ones, and the years of history behind them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from feature_repo.features import WARM_SESSIONS
from producers.sessions import nyse
from producers.tick import TickFrame
from producers.tick_batch import TickBatch

SPAN_MS = 6 * 3_600_000  # the ticks fall into one session, as on a live day
SESSION = 12_000  # somewhere in 2017
HISTORY = (
    WARM_SESSIONS + 7
)  # sessions before: every feature has a value, as in a system that has run for long


def symbols_of(count: int) -> list[str]:
    """S0, the most popular, to the rarest."""
    return [f"S{number}" for number in range(count)]


def write_universe(path: Path, count: int) -> None:
    """A universe file of so many assets."""
    path.write_text(
        "\n".join(
            f'[[asset]]\nid = "{symbol.lower()}"\nsymbol = "{symbol}"\nname = "{symbol}"\nkind = "price"\n'
            'calendar = "sessions"\nunit = "USD"\n'
            for symbol in symbols_of(count)
        ),
        encoding="utf-8",
    )


def popularity(count: int, n: int, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """n draws of a symbol's number, in proportion to 1 / rank (Zipf)."""
    weight = 1 / np.arange(1, count + 1)
    return rng.choice(count, n, p=weight / weight.sum())


def ticks(n: int, count: int, seed: int) -> TickBatch:
    """n ticks of `count` symbols in event order within one session."""
    rng = np.random.default_rng(seed)
    close_ms = int(nyse().close_ms[SESSION])
    return TickBatch(
        symbol=np.array(symbols_of(count))[popularity(count, n, rng)],
        event_ms=close_ms - SPAN_MS + np.sort(rng.integers(0, SPAN_MS, n)),
        price=np.round(100 * np.exp(0.0001 * rng.standard_normal(n)), 4),
        size=np.round(rng.exponential(2.0, n), 3),
    )


def history(
    symbols: list[str], last_session: int, seen_ms: int, sessions: int = HISTORY
) -> Iterator[TickFrame]:
    """One frame per symbol: the closes of the `sessions` before `last_session`, which is not included.

    All are sequence 0 of the epoch `history`: they are given to a partition as one record.
    """
    close_ms = nyse().close_ms[last_session - sessions : last_session].tolist()
    for symbol in symbols:
        rng = np.random.default_rng(int(symbol[1:]))
        walk = np.cumsum(0.01 * rng.standard_normal(sessions))
        price = 100 * np.exp(walk - walk[-1])  # it ends where the live ticks begin: a jump would be held back
        yield TickFrame(
            source="bench",
            epoch="history",
            seq=0,
            seen_ms=seen_ms,
            symbols=[symbol],
            symbol=[0] * sessions,
            event_ms=close_ms,
            price=price.tolist(),
            history=True,
        )
