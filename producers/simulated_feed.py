"""Feed `simulated`: a seeded market on the real session calendar, for a machine without a network.

The past ends some sessions before today; from there sessions are played faster than life, until the feed
has caught up with the clock and goes on in real time. So prices move at any hour, weekends included, and no
tick is ever in the future. Between the market's quarters of an hour prices take as many small steps as ticks were asked
for, in real time one a second if nothing was asked; every tick has a size, but those of a rate.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt

from producers.feed import quiet
from producers.feed_report import Condition
from producers.sessions import nyse
from producers.simulated_market import STEPS, Session, SimulatedMarket
from producers.tick_batch import TickBatch
from producers.universe import Universe

BEGIN = np.datetime64("2000-01-03")  # fixed: the same seed gives the same past on every day
OPEN_BEFORE_CLOSE_MS = 6 * 3_600_000 + 1_800_000  # a full session lasts 6.5 hours
BATCHES_PER_S = 20.0
SHOCK_AFTER = (
    45  # live sessions before the forced crash: at half a session a second the first LSTM serves by then
)
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
        ticks_per_s: float | None = None,
    ) -> None:
        """ticks_per_s : of all assets together; None gives one per asset and quarter of an hour of the replay, and
        one per asset and second of real time.
        """
        self._universe, self._seed, self._shock = universe, seed, shock
        self._sessions = nyse()
        now_ms = int(time.time() * 1000) if now_ms is None else now_ms
        today = self._sessions.index_at(now_ms)
        self._first_live = today - replay_sessions
        self._first = int(np.searchsorted(self._sessions.date, BEGIN))
        self._session_s = 1 / sessions_per_s
        self._ticks_per_s = ticks_per_s
        self._is_rate = np.array([asset.kind == "rate" for asset in universe.asset])

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
                yield from self._play(index, session, after_ms)

    def _is_shock(self, index: int) -> bool:
        return self._shock and SHOCK_AFTER <= index - self._first_live < SHOCK_AFTER + SHOCK_SESSIONS

    def _play(self, index: int, session: Session, after_ms: int) -> Iterator[TickBatch]:
        """One session; what was published up to `after_ms` takes no time again."""
        close_ms = int(self._sessions.close_ms[index])
        step_ms = OPEN_BEFORE_CLOSE_MS / STEPS
        due = time.monotonic()
        before = session.price[0]
        for step in range(STEPS):
            end_ms = close_ms - OPEN_BEFORE_CLOSE_MS * (STEPS - 1 - step) // STEPS
            # Played faster than life until the clock is reached; from there a quarter of an hour takes one.
            live = end_ms / 1000 > time.time()
            step_s = step_ms / 1000 if live else self._session_s / STEPS
            count = self._steps_within(step_s, live)
            rng = np.random.default_rng((self._seed, index, step))
            path = between(before, session.price[step], count, rng)
            before = session.price[step]
            group = max(1, round(count / max(1.0, step_s * BATCHES_PER_S)))
            for start in range(0, count, group):
                stop = min(start + group, count)
                event_ms = (end_ms - step_ms * (count - 1 - np.arange(start, stop)) / count).astype(np.int64)
                batch = self._batch(event_ms, path[start:stop], rng)
                if int(event_ms[-1]) <= after_ms:
                    continue
                due += step_s * (stop - start) / count
                yield from quiet(partial(_left_s, int(event_ms[-1]) / 1000, 0.0 if live else due))
                yield batch

    def _steps_within(self, seconds: float, live: bool) -> int:
        if self._ticks_per_s is None:
            return round(seconds) if live else 1
        return max(1, round(self._ticks_per_s * seconds / len(self._universe.symbols)))

    def _batch(
        self, event_ms: npt.NDArray[np.int64], price: npt.NDArray[np.float64], rng: np.random.Generator
    ) -> TickBatch:
        size = np.where(self._is_rate, np.nan, np.round(rng.exponential(2.0, price.shape), 3))
        return TickBatch(
            np.tile(np.array(self._universe.symbols, dtype=str), len(event_ms)),
            np.repeat(event_ms, price.shape[1]),
            price.ravel(),
            size.ravel(),
        )


def _left_s(event_s: float, due: float) -> float:
    """Seconds until a moment has come by the clock and by the monotonic one."""
    return max(event_s - time.time(), due - time.monotonic())


def between(
    begin: npt.NDArray[np.float64], end: npt.NDArray[np.float64], steps: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """A random path from one price (left out) to another (the last), in so many steps. Shape (steps, assets)."""
    part = (np.arange(1, steps + 1) / steps)[:, None]
    walk = np.cumsum(rng.standard_normal((steps, len(begin))), axis=0) / np.sqrt(steps)
    bridge = walk - part * walk[-1]
    path: npt.NDArray[np.float64] = begin + (end - begin) * part + np.abs(end - begin) * 0.5 * bridge
    return np.maximum(path, 0.5 * np.minimum(begin, end))
