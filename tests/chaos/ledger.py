"""What must come of the records that were published: an independent replay from the words of DESIGN 5.

Not the kernel: per symbol a newest event time, per session the plain bar, per refused tick or record one dead
letter. Records are booked in the order of the log.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from producers.sessions import Sessions
from producers.tick import MAX_PRICE, TickFrame
from stream_processors.messages import Bar
from tests.chaos.market import Sent

GRACE_MS = 5_000
AHEAD_MS = 5_000


@dataclass(frozen=True)
class Dead:
    """A dead letter, without what may differ when it is written twice."""

    partition: int
    offset: int
    reason: str
    symbol: str = ""  # of a refused tick; empty for a whole record
    event_ms: int = 0
    price: float | None = None


@dataclass
class Ledger:
    """Books of everything that was published."""

    symbols: frozenset[str]
    sessions: Sessions
    bars: dict[tuple[str, int], Bar] = field(default_factory=dict)  # by symbol and session index
    newest: dict[str, int] = field(default_factory=dict)
    dead: set[Dead] = field(default_factory=set)
    ticks: int = 0
    applied: int = 0
    duplicates: int = 0
    _frames: set[tuple[str, int, int]] = field(default_factory=set)

    def book(self, offset: int, sent: Sent) -> None:
        """One record at its place in the log; offsets of a partition must come in order."""
        if sent.refused or sent.frame is None:
            self.dead.add(Dead(sent.partition, offset, sent.refused or ""))
            return
        frame = sent.frame
        identity = (frame.epoch, sent.partition, frame.seq)
        if identity in self._frames:
            self.duplicates += 1
            return
        self._frames.add(identity)
        for position, column in enumerate(frame.symbol):
            self._tick(sent.partition, offset, frame, frame.symbols[column], position)

    def _tick(self, partition: int, offset: int, frame: TickFrame, symbol: str, position: int) -> None:
        self.ticks += 1
        at, price = frame.event_ms[position], frame.price[position]
        reason = self._refusal(symbol, at, price, frame.seen_ms)
        if reason or price is None:
            shown = price if price is not None and math.isfinite(price) else None  # JSON has no other number
            self.dead.add(Dead(partition, offset, reason, symbol, at, shown))
            return
        self.applied += 1
        self.newest[symbol] = max(self.newest.get(symbol, at), at)
        session = self.sessions.index_at(at)
        self.bars[symbol, session] = self._bar(symbol, session, at, price)

    def _refusal(self, symbol: str, at: int, price: float | None, seen_ms: int) -> str:
        if symbol not in self.symbols:
            return "unknown_symbol"
        if price is None or not 0 < price <= MAX_PRICE:
            return "bad_price"
        if at > seen_ms + AHEAD_MS:
            return "ahead_of_clock"
        return "late" if at < self.newest.get(symbol, at) - GRACE_MS else ""

    def _bar(self, symbol: str, session: int, at: int, price: float) -> Bar:
        held = self.bars.get((symbol, session))
        closes = held is None or at >= held.close_event_ms  # at equal times the later arrival is the newer
        return Bar(
            symbol=symbol,
            session_date=int(str(self.sessions.date[session]).replace("-", "")),
            open=held.open if held else price,
            high=max(held.high, price) if held else price,
            low=min(held.low, price) if held else price,
            close=price if closes else held.close,
            ticks=held.ticks + 1 if held else 1,
            close_event_ms=at if closes else held.close_event_ms,
            session_close_ms=int(self.sessions.close_ms[session]),
        )

    def final_bars(self) -> dict[bytes, Bar]:
        """Bars of every session but each symbol's newest, by their Kafka key."""
        open_session = {symbol: self.sessions.index_at(at) for symbol, at in self.newest.items()}
        return {
            bar.key: bar for (symbol, session), bar in self.bars.items() if session < open_session[symbol]
        }

    def open_bars(self) -> dict[str, Bar]:
        """The bar in progress of every symbol: what its online row is about."""
        return {symbol: self.bars[symbol, self.sessions.index_at(at)] for symbol, at in self.newest.items()}
