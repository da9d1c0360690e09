"""One partition of `market.ticks`: frames in, final bars, feature rows and refused ticks out.

Plain Python around the kernel, without Kafka or Redis: the Faust agent is a thin shell around it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from feature_repo import features as spec
from feature_repo.online_rows import INTEGERS, OnlineRow, OnlineRows, numeric, window
from producers.reference import reference
from producers.sessions import Sessions
from producers.tick import REFUSED_FROM, Mark, TickFrame
from producers.universe import Universe
from stream_processors import snapshots
from stream_processors.kernel import layout, roll
from stream_processors.messages import Bar, DeadTick, Features

EPOCHS_REMEMBERED = 64  # runs of producers that share a partition; some tens of bytes each in every snapshot
DUPLICATE = "duplicate"
UNKNOWN_SYMBOL = "unknown_symbol"


@dataclass
class Final:
    """A bar that became final, with the features as of its close (kernel row, NaN where not warm)."""

    bar: Bar
    row: npt.NDArray[np.float64]
    n_sessions: int
    seen_ms: int
    offset: int
    feed: str


@dataclass
class Outcome:
    """What one frame led to. `dead` pairs a reason with each refused tick."""

    finals: list[Final] = field(default_factory=list)
    dead: list[tuple[str, DeadTick]] = field(default_factory=list)
    applied: int = 0
    released: int = 0  # of the applied: jumps that were held until the next tick confirmed them
    duplicate: bool = False


class Partition:
    """State of the symbols of one partition."""

    def __init__(self, number: int, log: str, universe: Universe, sessions: Sessions) -> None:
        self.number, self._log = number, log
        self._universe, self._sessions = universe, sessions
        self._row: dict[str, int] = {}
        self._symbols: list[str] = []
        self._feed: list[str] = []
        self._states = layout.empty_states(4)  # grows by doubling
        self._is_rate = np.zeros(4, dtype=np.bool_)
        self._scratch = roll.new_rows(256)
        self._last_seq: dict[str, int] = {}  # epoch -> newest sequence number
        self._dedup_offset = -1  # newest offset whose (epoch, seq) is in _last_seq
        self.dirty: set[int] = set()  # rows to write online
        self.changed: set[int] = set()  # rows to snapshot
        self.obsolete: list[bytes] = []  # a predecessor's entries, deleted with the first snapshot
        self._owner = snapshots.new_owner()
        self._reloading: dict[int, float] = {}  # row -> newest event before its past began anew

    def apply(self, frame: TickFrame, offset: int) -> Outcome:
        """Apply one record. A record that is replayed after a restart changes nothing it already changed."""
        outcome = Outcome()
        listed = [self._row_of(symbol, frame.source) for symbol in frame.symbols]
        touched = {row for row in listed if row >= 0}
        replayed = offset < self.next_offset
        if self._is_duplicate(frame, offset):
            # Its symbols still move past this offset: replayed after a restart, it must not count then.
            passed = list(touched)
            self._states[passed, layout.OFFSET] = np.maximum(self._states[passed, layout.OFFSET], offset)
            self.changed |= touched
            outcome.duplicate = True
            return outcome
        for position in frame.restart:
            self._restart(listed[position], offset)
        symbol = np.array(listed, dtype=np.int64)[np.array(frame.symbol, dtype=np.int64)]
        event_ms = np.array(frame.event_ms, dtype=np.int64)
        price = np.array(frame.price, dtype=np.float64)  # null becomes NaN
        size = np.full(len(price), np.nan) if frame.size is None else np.array(frame.size, dtype=np.float64)
        known = symbol >= 0
        usable = known
        if frame.marks is not None:
            marks = np.array(frame.marks, dtype=np.int64)
            for at in np.flatnonzero(known & (marks >= REFUSED_FROM) & (not replayed)):
                outcome.dead.append((Mark(marks[at]).name.lower(), _dead(frame, int(at))))
            usable = known & (marks < REFUSED_FROM)
        # Of a replayed record they are dead letters already, or it was a duplicate; no symbol's offset tells.
        for at in np.flatnonzero(~known & (not replayed)):
            outcome.dead.append((UNKNOWN_SYMBOL, _dead(frame, int(at))))
        if not touched:
            return outcome
        if not usable.all():
            symbol, event_ms, price, size = symbol[usable], event_ms[usable], price[usable], size[usable]
        if len(symbol) > len(self._scratch[0]):
            self._scratch = roll.new_rows(len(symbol))
        result, bars, rows = self._scratch
        result = result[: len(symbol)]
        finals = roll.apply_ticks(
            self._states,
            self._is_rate,
            layout.WINDOWS,
            symbol,
            event_ms,
            price,
            size,
            self._sessions.close_ms,
            frame.seen_ms,
            offset,
            not (frame.history or frame.settled),
            result,
            bars,
            rows,
        )
        counts = np.bincount(result, minlength=layout.SPLIT + 1).tolist()
        outcome.released = counts[layout.RELEASED]
        outcome.applied = counts[layout.APPLIED] + 2 * outcome.released
        if any(counts[layout.SKIPPED + 1 :]):
            original = np.flatnonzero(usable)
            for at in np.flatnonzero(result > layout.SKIPPED):
                reason = layout.REASONS[int(result[at])]
                outcome.dead.append((reason, _dead(frame, int(original[at]))))
        self.changed |= touched
        if outcome.applied:
            self.dirty |= touched if not self._reloading else self._shown(touched, frame.history)
        if finals:
            self._number_finals(outcome, bars[:finals], rows[:finals].copy(), frame, offset)
        return outcome

    @property
    def symbols(self) -> int:
        """How many symbols it holds."""
        return len(self._symbols)

    @property
    def next_offset(self) -> int:
        """The first record that is not in the state; a restored state may be older than what was acknowledged."""
        return self._dedup_offset + 1

    def pass_over(self, offset: int) -> None:
        """A record that was refused whole has been read too."""
        self._dedup_offset = max(self._dedup_offset, offset)

    def _restart(self, row: int, offset: int) -> None:
        """Forget a symbol's past, for a whole one follows. A replayed record must not do it again."""
        if row < 0 or offset <= self._states[row, layout.OFFSET]:
            return
        newest = self._states[row, layout.NEWEST]
        if not np.isnan(newest):
            self._reloading[row] = max(newest, self._reloading.get(row, newest))
        self._states[row] = layout.empty_states(1)[0]

    def _shown(self, touched: set[int], history: bool) -> set[int]:
        """The rows among these that readers may see: a past that is being loaded again is not the present."""
        for row in touched & self._reloading.keys():
            if not history or self._states[row, layout.NEWEST] >= self._reloading[row]:
                del self._reloading[row]
        return touched - self._reloading.keys()

    def _is_duplicate(self, frame: TickFrame, offset: int) -> bool:
        if offset <= self._dedup_offset:
            return False  # seen before the restart; the symbols decide by their own offsets
        self._dedup_offset = offset
        if frame.seq <= self._last_seq.get(frame.epoch, -1):
            return True
        self._last_seq.pop(frame.epoch, None)  # re-inserted as the newest
        self._last_seq[frame.epoch] = frame.seq
        while len(self._last_seq) > EPOCHS_REMEMBERED:
            del self._last_seq[next(iter(self._last_seq))]
        return False

    def _row_of(self, symbol: str, feed: str) -> int:
        row = self._row.get(symbol)
        if row is None:
            asset = self._universe.by_symbol(symbol) or reference(symbol)
            if asset is None:
                return -1
            row = self._row[symbol] = len(self._symbols)
            self._symbols.append(symbol)
            self._feed.append(feed)
            if row == len(self._states):
                self._states = np.vstack([self._states, layout.empty_states(row)])
                self._is_rate = np.append(self._is_rate, np.zeros(row, dtype=np.bool_))
            self._is_rate[row] = asset.kind == "rate"
        self._feed[row] = feed
        return row

    def _number_finals(
        self,
        outcome: Outcome,
        bars: npt.NDArray[np.float64],
        rows: npt.NDArray[np.float64],
        frame: TickFrame,
        offset: int,
    ) -> None:
        """Turn kernel output into Final objects; sessions are counted back from the state's total."""
        left: dict[int, int] = {}
        for bar in bars:
            left[int(bar[-1])] = left.get(int(bar[-1]), 0) + 1
        for bar, row in zip(bars, rows, strict=True):
            symbol_row = int(bar[-1])
            left[symbol_row] -= 1
            session = int(bar[layout.B_SESSION])
            outcome.finals.append(
                Final(
                    bar=Bar(
                        symbol=self._symbols[symbol_row],
                        session_date=int(self._sessions.yyyymmdd[session]),
                        open=float(bar[layout.B_OPEN]),
                        high=float(bar[layout.B_HIGH]),
                        low=float(bar[layout.B_LOW]),
                        close=float(bar[layout.B_CLOSE]),
                        ticks=int(bar[layout.B_TICKS]),
                        close_event_ms=int(bar[layout.B_CLOSE_MS]),
                        session_close_ms=int(self._sessions.close_ms[session]),
                        history=frame.history,
                    ),
                    row=row,
                    n_sessions=int(self._states[symbol_row, layout.N]) - left[symbol_row],
                    seen_ms=frame.seen_ms,
                    offset=offset,
                    feed=frame.source,
                )
            )

    def online_rows(self, dirty: Iterable[int]) -> OnlineRows:
        """The newest rows of the given symbols, pending bars counted as closed."""
        which = np.array(sorted(dirty), dtype=np.int64)
        # A symbol whose every tick was refused has no bar, hence no row.
        which = which[~np.isnan(self._states[which, layout.NEWEST])]
        rows = np.empty((len(which), spec.ROW_SIZE))
        roll.read_rows(self._states, self._is_rate, layout.WINDOWS, which, rows)

        def state(column: int | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
            taken: npt.NDArray[np.int64] = self._states[which, column].astype(np.int64)
            return taken

        pending = state(layout.PENDING)
        newest_bar = layout.BAR + np.maximum(pending - 1, 0) * layout.BAR_SIZE
        session = np.where(pending > 0, state(newest_bar + layout.B_SESSION), state(layout.FINAL))
        n_sessions = state(layout.N) + pending
        integers = {
            "event_ms": state(layout.NEWEST),
            "seen_ms": state(layout.SEEN),
            "session_date": self._sessions.yyyymmdd[session],
            "n_sessions": n_sessions,
            "is_warm": n_sessions >= spec.WARM_SESSIONS,
            "source_offset": state(layout.OFFSET),
        }
        return OnlineRows(
            symbols=[self._symbols[row] for row in which],
            rows=rows,
            integers=np.stack([integers[name] for name in INTEGERS], axis=1).astype(np.int64),
            feeds=[self._feed[row] for row in which],
            log=self._log,
        )

    def all_dirty(self) -> None:
        """Every row is to be written online."""
        self.dirty.update(range(len(self._symbols)))

    def online_row(self, symbol: str) -> OnlineRow | None:
        """The newest row of one symbol; None before its first tick."""
        row = self._row.get(symbol)
        return next(iter(self.online_rows([] if row is None else [row])), None)

    def snapshot(self, changed: Iterable[int]) -> snapshots.Entries:
        """Changelog entries of the given symbols and of what was seen; an owner's first are those of all."""
        symbols = [(self._symbols[row], self._feed[row], self._states[row].tobytes()) for row in changed]
        seen = snapshots.Seen(self._dedup_offset, self._last_seq)
        return snapshots.entries(self._log, self._owner, symbols, seen, self.obsolete)

    def restore(self, changelog: Iterable[tuple[bytes, bytes | None]]) -> int:
        """Take over what a predecessor left. Returns how many symbols were restored."""
        found = snapshots.find(self._log, changelog)
        for symbol, feed, state in found.symbols:
            row = self._row_of(symbol, feed)
            if row >= 0:  # still in the universe
                self._states[row] = np.frombuffer(state)
                self.dirty.add(row)
                self.changed.add(row)
        self._owner, self.obsolete = found.owner, found.obsolete
        self._dedup_offset, self._last_seq = found.seen.offset, dict(found.seen.last_seq)
        return len(self.changed)


def final_message(final: Final) -> Features:
    """The final row as `features.rolling` carries it."""
    return Features(
        symbol=final.bar.symbol,
        event_ms=final.bar.close_event_ms,
        seen_ms=final.seen_ms,
        session_date=final.bar.session_date,
        n_sessions=final.n_sessions,
        is_warm=int(final.n_sessions >= spec.WARM_SESSIONS),
        source_offset=final.offset,
        feed=final.feed,
        spec_hash=spec.spec_hash(),
        values=dict(zip(spec.NUMERIC_NAMES, numeric(final.row), strict=True)),
        window=window(final.row),
        final=True,
        session_close_ms=final.bar.session_close_ms,
    )


def online_message(row: OnlineRow) -> Features:
    """The online row as `features.rolling` carries it."""
    named: dict[str, Any] = {
        feature.name: value for feature, value in zip(spec.FEATURES, row.values, strict=True)
    }
    values = {name: named.pop(name) for name in spec.NUMERIC_NAMES}
    return Features(symbol=row.symbol, values=values, **named)


def _dead(frame: TickFrame, position: int) -> DeadTick:
    return DeadTick(
        source=frame.source,
        epoch=frame.epoch,
        seq=frame.seq,
        symbol=frame.symbols[frame.symbol[position]],
        event_ms=frame.event_ms[position],
        price=frame.price[position],
        size=None if frame.size is None else frame.size[position],
        seen_ms=frame.seen_ms,
    )
