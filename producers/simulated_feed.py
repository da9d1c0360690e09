"""Feed `simulated`: a seeded market on the real session calendar, for a machine without a network.

The past ends some sessions before today; from there sessions are played faster than life, until the feed
has caught up with the clock and goes on in real time. So prices move at any hour, weekends included, and no
tick is ever in the future.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping

import numpy as np

from producers.feed_report import Condition
from producers.sessions import nyse
from producers.simulated_market import STEPS, Session, SimulatedMarket
from producers.tick_batch import TickBatch
from producers.universe import Universe

BEGIN = np.datetime64("2000-01-03")  # fixed: the same seed gives the same past on every day
OPEN_BEFORE_CLOSE_MS = 6 * 3_600_000 + 1_800_000  # a full session lasts 6.5 hours
SHOCK_AFTER = 10  # live sessions before the forced crash
SHOCK_SESSIONS = 40


class SimulatedFeed:
    """History from BEGIN, then `replay_sessions` at `sessions_per_s`, then real time."""

    name = "simulated"

    def __init__(
        self,
        universe: Universe,
        seed: int,
        replay_sessions: int,
        sessions_per_s: float,
        shock: bool = False,
        now_ms: int | None = None,
    ) -> None:
        self._universe, self._seed, self._shock = universe, seed, shock
        self._sessions = nyse()
        now_ms = int(time.time() * 1000) if now_ms is None else now_ms
        today = self._sessions.index_at(now_ms)
        self._first_live = today - replay_sessions
        self._first = int(np.searchsorted(self._sessions.date, BEGIN))
        self._session_s = 1 / sessions_per_s

    def data_hash(self) -> str:
        text = f"simulated/1 {self._seed} {self._first} {self._first_live} {self._universe.symbols}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def condition(self) -> Condition:
        """Always live."""
        return Condition()

    def history(self, through_ms: int = 0) -> Iterator[TickBatch]:
        """Closes of the past."""
        symbols = self._universe.symbols
        market = SimulatedMarket(self._universe, self._seed)
        until = max(self._first_live, self._sessions.index_at(through_ms + 1))
        closes = [market.step(index, self._is_shock(index)).price[-1] for index in range(self._first, until)]
        yield TickBatch(
            np.tile(symbols, len(closes)),
            np.repeat(self._sessions.close_ms[self._first : until], len(symbols)),
            np.concatenate(closes),
        )

    def live(self, newest: Mapping[str, int]) -> Iterator[TickBatch]:
        """Ticks of each session: fast until the clock is reached, then when they are due."""
        after_ms = min(newest.values(), default=0)
        market = SimulatedMarket(self._universe, self._seed)
        for index in range(self._first, len(self._sessions.close_ms)):
            session = market.step(index, self._is_shock(index))
            if index >= self._first_live and int(self._sessions.close_ms[index]) > after_ms:
                yield from self._play(index, session)

    def _is_shock(self, index: int) -> bool:
        return self._shock and SHOCK_AFTER <= index - self._first_live < SHOCK_AFTER + SHOCK_SESSIONS

    def _play(self, index: int, session: Session) -> Iterator[TickBatch]:
        symbols = self._universe.symbols
        close_ms = int(self._sessions.close_ms[index])
        due = time.monotonic()
        for step in range(STEPS):
            event_ms = close_ms - OPEN_BEFORE_CLOSE_MS * (STEPS - 1 - step) // STEPS
            due += self._session_s / STEPS
            ahead_s = event_ms / 1000 - time.time()
            time.sleep(max(ahead_s, due - time.monotonic(), 0.0))
            yield TickBatch(
                np.array(symbols, dtype=str),
                np.full(len(symbols), event_ms, dtype=np.int64),
                session.price[step],
            )
