"""From Yahoo's quotes to ticks: repeats are dropped, what is wrong is marked for the stream to refuse."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from producers.resume import AHEAD_MS
from producers.sessions import Sessions
from producers.tick import Mark
from producers.tick_batch import TickBatch
from producers.universe import Asset, Universe

REMEMBERED = 64  # quotes per symbol: after a new subscription Yahoo sends the last one again
STALE_MS = 5_000  # as the stream's grace: what is older comes too late
HALF_HOUR_MS = 1_800_000
QUIET_HALF_HOURS = 4  # before a close: the bill's rate is not quoted in the last hour of a session
PRE, POST = 0, 2  # PricingData.market_hours; 1 is regular trade


class Quotes:
    """Knows the newest tick of every symbol, and counts what it leaves out."""

    def __init__(self, universe: Universe, sessions: Sessions) -> None:
        self._assets = {asset.symbol: asset for asset in universe.asset}
        self._sessions = sessions
        self._recent: dict[str, deque[tuple[Any, ...]]] = {}
        self.newest: dict[str, int] = {}  # event time per symbol, ms
        self.currency: dict[str, str] = {}  # of the histories
        self.left_out: Counter[str] = Counter()
        self._heard: dict[str, set[int]] = {}  # half hours that end after a tick

    def ticks(self, quotes: Sequence[Mapping[str, Any]], now_ms: int) -> TickBatch:
        """The ticks among these quotes, in the order they came."""
        rows: list[tuple[str, int, float, float, int]] = []
        for quote in quotes:
            row = self._tick(quote, now_ms)
            if row is not None:
                rows.append(row)
        return TickBatch(
            np.array([row[0] for row in rows], dtype=str),
            np.array([row[1] for row in rows], dtype=np.int64),
            np.array([row[2] for row in rows], dtype=float),
            np.array([row[3] for row in rows], dtype=float),
            np.array([row[4] for row in rows], dtype=np.int64),
        )

    def _tick(self, quote: Mapping[str, Any], now_ms: int) -> tuple[str, int, float, float, int] | None:
        asset = self._assets.get(str(quote.get("id")))
        try:
            event_ms, price = int(quote["time"]), float(quote["price"])
            size = float(quote["last_size"]) if "last_size" in quote else float("nan")
            hours = int(quote.get("market_hours", PRE))
        except (KeyError, TypeError, ValueError):
            self.left_out["unreadable"] += 1
            return None
        if asset is None:
            self.left_out["not asked for"] += 1
            return None
        recent = self._recent.setdefault(asset.symbol, deque(maxlen=REMEMBERED))
        # Two equal trades in one millisecond differ in the day's volume; without a volume they say nothing new.
        key = (event_ms, price, quote.get("day_volume"), quote.get("vol_24hr"))
        if key in recent:
            self.left_out["duplicate"] += 1
            return None
        recent.append(key)
        mark = self._mark(asset, event_ms, hours, str(quote.get("currency") or ""))
        if event_ms <= now_ms + AHEAD_MS and mark < Mark.OUT_OF_SESSION:
            self.newest[asset.symbol] = max(self.newest.get(asset.symbol, event_ms), event_ms)
            self._heard.setdefault(asset.symbol, set()).add((event_ms - 1) // HALF_HOUR_MS)
        return asset.symbol, event_ms, price, size, int(mark)

    def _mark(self, asset: Asset, event_ms: int, hours: int, currency: str) -> Mark:
        known = self.currency.get(asset.symbol, "")
        if known and currency and currency != known:
            return Mark.UNIT_CHANGED
        if event_ms < self.newest.get(asset.symbol, event_ms) - STALE_MS:
            return Mark.STALE
        if asset.calendar == "always":
            return Mark.NONE
        if self._sessions.is_weekend(event_ms):
            return Mark.OUT_OF_SESSION
        if self._sessions.is_open(event_ms):
            return Mark.NONE
        return Mark.PRE_MARKET if hours == PRE else Mark.POST_MARKET if hours == POST else Mark.NONE

    def newer(self, ticks: TickBatch) -> TickBatch:
        """Those of a batch that are after the newest of their symbol; they are the newest now."""
        seen = np.array([self.newest.get(str(symbol), -(2**60)) for symbol in ticks.symbol], dtype=np.int64)
        fresh = ticks.take(ticks.event_ms > seen)
        for symbol in np.unique(fresh.symbol):
            mine = fresh.event_ms[fresh.symbol == symbol]
            self.newest[str(symbol)] = int(mine.max())
            self._heard.setdefault(str(symbol), set()).update(np.unique((mine - 1) // HALF_HOUR_MS).tolist())
        return fresh

    def slept_through(self, symbol: str, close_ms: int) -> bool:
        """Whether nothing was published shortly before a close, although something was after it."""
        last = (close_ms - 1) // HALF_HOUR_MS
        heard = self._heard.get(symbol, set())
        quiet = heard.isdisjoint(range(last - QUIET_HALF_HOURS + 1, last + 1))
        return quiet and close_ms <= self.newest.get(symbol, -(2**60))

    def forget(self, symbol: str, before_ms: int) -> None:
        """What was published before a moment is of no more interest."""
        held = self._heard.get(symbol, set())
        self._heard[symbol] = {half for half in held if (half + 1) * HALF_HOUR_MS >= before_ms}
