"""A seeded market that misbehaves: good ticks among everything that DESIGN 5 says may be wrong with one.

Exchange time runs far faster than the clock, so that sessions close every few seconds. The frames are made by
the producer's own Framer; what no producer would send is made by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from producers.publisher import Framer
from producers.sessions import nyse
from producers.tick import TickFrame, encode
from producers.tick_batch import batch
from tests.chaos.poison import POISON
from tests.stubs import SESSION, close_ms

YEAR_3000_MS = 32_503_680_000_000
FEED = "chaos"


@dataclass(frozen=True)
class Sent:
    """One record of `market.ticks`: a frame, or bytes that must be refused whole for a reason."""

    partition: int
    value: bytes
    frame: TickFrame | None
    refused: str | None = None


class Market:
    """The same seed gives the same ticks; only `seen_ms` is the caller's clock."""

    def __init__(self, seed: int, symbols: list[str], partitions: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._symbols, self._partitions = symbols, partitions
        self._price = dict.fromkeys(symbols, 100.0)
        self._now_ms = close_ms(SESSION) + 3_600_000
        self._steps = 0
        self._epochs = 0
        self._framer = self._new_run()
        self._earlier: list[Sent] = []  # may come a second time

    def _new_run(self) -> Framer:
        self._epochs += 1
        return Framer(FEED, self._partitions, f"run-{self._epochs}")

    def step(self, seen_ms: int) -> Iterator[Sent]:
        """What is published in one step: about ten ticks, sometimes a bad or a repeated record."""
        self._steps += 1
        self._now_ms += 1_000
        if self._steps % 10 == 0:  # hours pass without a tick
            self._now_ms += int(self._rng.integers(3_600_000, 4 * 3_600_000))
        if self._rng.random() < 0.002:  # the producer is restarted
            self._framer = self._new_run()
            self._earlier = []
        yield from self._remember(self._frames(self._ticks(), seen_ms))
        kind = self._rng.random()
        if kind < 0.03 and self._earlier:
            yield self._earlier[int(self._rng.integers(len(self._earlier)))]
        elif kind < 0.05:
            value, reason = POISON[int(self._rng.integers(len(POISON)))]
            yield Sent(int(self._rng.integers(self._partitions)), value, None, reason)
        elif kind < 0.06:  # a producer whose clock is an hour ahead
            for sent in self._frames(self._ticks(), seen_ms + 3_600_000):
                yield Sent(sent.partition, sent.value, sent.frame, "ahead_of_clock")

    def close(self, seen_ms: int) -> Iterator[Sent]:
        """One tick of every symbol in the next session: the one before becomes final for all."""
        self._now_ms = close_ms(nyse().index_at(self._now_ms)) + 60_000
        ticks = [(symbol, self._now_ms, self._price[symbol]) for symbol in self._symbols]
        yield from self._frames(ticks, seen_ms)

    def _remember(self, frames: Iterator[Sent]) -> Iterator[Sent]:
        for sent in frames:
            self._earlier = [*self._earlier[-50:], sent]
            yield sent

    def _frames(self, ticks: list[tuple[str, int, float]], seen_ms: int) -> Iterator[Sent]:
        symbols, times, prices = (list(column) for column in zip(*ticks, strict=True))
        for partition, frame in self._framer.frames(batch(symbols, times, prices), seen_ms, False):
            yield Sent(partition, encode(frame), frame)

    def _ticks(self) -> list[tuple[str, int, float]]:
        """Symbol, event time and price; out of order by up to four seconds, one in twenty is wrong."""
        rng, out = self._rng, []
        for number in rng.integers(len(self._symbols), size=int(rng.integers(5, 15))):
            symbol = self._symbols[int(number)]
            price = self._price[symbol] = self._price[symbol] * float(np.exp(rng.normal(0.0, 1e-3)))
            event_ms = self._now_ms - int(rng.integers(4_000))
            wrong = rng.random()
            if wrong < 0.01:
                price = float(rng.choice([np.nan, np.inf, -np.inf, -1.0, 0.0, -0.0]))
            elif wrong < 0.02:
                event_ms -= int(rng.integers(5_000, 10 * 86_400_000))  # late
            elif wrong < 0.03:
                symbol = f"UNKNOWN{number}"
            elif wrong < 0.04:
                event_ms = YEAR_3000_MS + int(rng.integers(1_000_000))
            out.append((symbol, event_ms, price))
        return out
