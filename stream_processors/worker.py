"""What a worker does with its partitions: apply records, write online, snapshot, acknowledge.

Order of every acknowledgement: outputs are in Kafka, rows are in the online and the offline store, the state
that contains the record is in the changelog, and only then is the record acknowledged. A crash anywhere in
between replays records whose effect the per-symbol offsets (state), the fence (online) and the upserts
(offline, compacted bars) make idempotent.

One lock per worker keeps flushes and snapshots from overlapping; applying a record never waits for it, only
for room: past MAX_HELD records without a snapshot the agent waits, so memory stays bounded while Redis is
away and nothing is lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from feature_repo.features import PROVENANCE, WARM_SESSIONS, spec_hash
from feature_repo.online_store_row import OnlineRow
from producers import tick, topics
from producers.errors import SkipRecord
from producers.sessions import Sessions
from producers.universe import Universe
from stream_processors.dead_letters import Record, dead_record
from stream_processors.messages import BAR_SCHEMA, FEATURES_SCHEMA, Features
from stream_processors.partition import DUPLICATE, Final, Partition, final_message, online_message

log = logging.getLogger("stream_processors")

MAX_HELD = 5_000
MAX_FINALS = 8_000  # rows waiting for the offline store before a snapshot is due at once
CLOCK_SKEW_MS = 60_000  # how far a producer's clock may be ahead of ours
ANNOUNCE_S = 1.0  # a symbol's open row is announced on features.rolling at most this often


class Outputs(Protocol):
    """Where a worker writes. The real ones are in `sinks.py`; tests may give their own."""

    async def send(self, records: Iterable[Record]) -> None:
        """Send to Kafka and wait until every record is acknowledged."""

    async def write_online(self, rows: list[OnlineRow]) -> int:
        """Write rows to the online store; returns how many were newer."""

    async def write_offline(self, partition: int, finals: list[Final]) -> None:
        """Upsert final rows into the offline store."""


class Held(Protocol):
    """A source record that has not been acknowledged yet."""

    def ack(self) -> Any: ...


@dataclass
class Pending:
    """What has been computed but not yet made durable, of one partition."""

    held: list[Held] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    finals: list[Final] = field(default_factory=list)


@dataclass
class Counters:
    """Totals since the start, for the log and the status."""

    records: int = 0
    ticks: int = 0
    dead: int = 0
    duplicates: int = 0
    online_rows: int = 0
    snapshots: int = 0


class Worker:
    """The partitions of one process."""

    def __init__(
        self,
        universe: Universe,
        sessions: Sessions,
        outputs: Outputs,
        log_id: str,
        snapshots: Callable[[], Iterable[tuple[bytes, bytes]]],
        save_snapshot: Callable[[int, dict[bytes, bytes]], Any],
        clock_ms: Callable[[], float] = lambda: time.time() * 1000,
    ) -> None:
        """`snapshots` yields the recovered changelog; `save_snapshot(partition, entries)` writes to it."""
        self._universe, self._sessions, self._outputs = universe, sessions, outputs
        self._log_id, self._snapshots, self._save = log_id, snapshots, save_snapshot
        self._clock_ms = clock_ms
        self._partitions: dict[int, Partition] = {}
        self._pending: dict[int, Pending] = {}
        self._gap_edge: dict[int, int] = {}  # the record at which a partition was read again from before
        self._announced: dict[str, float] = {}
        self._lock = asyncio.Lock()
        self._generation = 0  # grows with every revocation
        self._room = asyncio.Event()
        self._room.set()
        self.snapshot_due = asyncio.Event()
        self.count = Counters()

    def forget(self, partitions: Iterable[int]) -> None:
        """Drop partitions that were taken away; their new owner starts from the changelog."""
        self._generation += 1
        for number in partitions:
            self._partitions.pop(number, None)
            self._pending.pop(number, None)
            self._gap_edge.pop(number, None)
        self._check_room()

    async def apply(self, number: int, offset: int, value: bytes | None, held: Held) -> int | None:
        """Apply one source record; it is acknowledged later, by `snapshot`.

        Returns None, or the offset to read on from when records before this one are not in the state.
        """
        generation = self._generation
        await self._room.wait()
        if generation != self._generation:
            return None  # partitions moved while it waited; whoever owns it now gets it again, in order
        partition = self._partitions.get(number)
        if partition is None:
            partition = self._open(number, offset)
        if offset > partition.next_offset:
            edge = self._gap_edge.get(number)
            if edge is None:
                self._gap_edge[number] = offset
                log.warning(
                    "%s[%d]@%d: going back to %d", topics.TICKS, number, offset, partition.next_offset
                )
            # Beyond the edge: on its way before we went back. At the edge once more: nothing lies between,
            # retention has deleted it.
            if edge is None or offset > edge:
                return partition.next_offset
        self._gap_edge.pop(number, None)
        pending = self._pending[number]
        pending.held.append(held)
        self.count.records += 1
        try:
            frame = tick.decode(value or b"")
            ahead_ms = frame.seen_ms - self._clock_ms()
            if ahead_ms > CLOCK_SKEW_MS:
                raise SkipRecord("ahead_of_clock", f"seen_ms is {ahead_ms} ms ahead of the worker's clock")
            outcome = partition.apply(frame, offset)
        except SkipRecord as error:
            log.warning("%s[%d]@%d: %s", topics.TICKS, number, offset, error)
            pending.records.append(dead_record(error.reason, value or b"", number, offset, error.detail))
            partition.pass_over(offset)
            self.count.dead += 1
            self._check_room()
            return None
        if outcome.duplicate:
            self.count.duplicates += 1
            log.info(
                "%s[%d]@%d: %s frame %s/%d", topics.TICKS, number, offset, DUPLICATE, frame.epoch, frame.seq
            )
        for reason, dead in outcome.dead:
            pending.records.append(dead_record(reason, dead, number, offset))
        for final in outcome.finals:
            pending.records.append(_bar_record(number, final))
            if not final.bar.history:
                pending.records.append(_features_record(number, final_message(final)))
        pending.finals += outcome.finals
        self.count.ticks += outcome.applied
        self.count.dead += len(outcome.dead)
        self._check_room()
        return None

    def _open(self, number: int, offset: int) -> Partition:
        partition = Partition(number, f"{self._log_id}:{number}", self._universe, self._sessions)
        restored = partition.restore(self._snapshots())
        log.info("%s[%d]@%d: opened, %d symbols restored", topics.TICKS, number, offset, restored)
        self._partitions[number] = partition
        self._pending[number] = Pending()
        return partition

    def _check_room(self) -> None:
        held = sum(len(pending.held) for pending in self._pending.values())
        finals = sum(len(pending.finals) for pending in self._pending.values())
        if held >= MAX_HELD // 2 or finals >= MAX_FINALS:
            self.snapshot_due.set()
        if held >= MAX_HELD or finals >= 4 * MAX_FINALS:
            self._room.clear()
        else:
            self._room.set()

    async def flush(self) -> None:
        """Write the newest row of every symbol that moved. On failure they stay to be written."""
        async with self._lock:
            await self._flush()

    async def _flush(self) -> None:
        taken = {number: partition.dirty for number, partition in self._partitions.items() if partition.dirty}
        if not taken:
            return
        rows: list[OnlineRow] = []
        announce: list[Record] = []
        now = time.monotonic()
        for number, dirty in taken.items():
            partition = self._partitions[number]
            partition.dirty = set()
            fresh = partition.online_rows(dirty)
            rows += fresh
            for row in fresh:
                if now - self._announced.get(row.symbol, -ANNOUNCE_S) >= ANNOUNCE_S:
                    self._announced[row.symbol] = now
                    announce.append(_features_record(number, online_message(row)))
        try:
            self.count.online_rows += await self._outputs.write_online(rows)
        except BaseException:
            for number, dirty in taken.items():
                if number in self._partitions:
                    self._partitions[number].dirty |= dirty
            raise
        await self._outputs.send(announce)

    async def snapshot(self) -> None:
        """Make everything computed so far durable, then acknowledge its records."""
        async with self._lock:
            self.snapshot_due.clear()
            for number in list(self._partitions):
                await self._snapshot(number)
            self._check_room()

    async def _snapshot(self, number: int) -> None:
        partition = self._partitions.get(number)
        if partition is None:
            return  # taken away while another partition was written
        pending = self._pending[number]
        if not (pending.held or partition.changed):
            return
        # Everything up to the next await is one moment: these records, this state.
        self._pending[number] = Pending()
        changed, partition.changed = partition.changed, set()
        entries = partition.snapshot(changed)
        try:
            await self._flush()
            await self._outputs.send(pending.records)
            # A partition that was taken away belongs to another worker: neither its files nor its
            # changelog may be written any more. Its records come again to the new owner.
            if self._partitions.get(number) is not partition:
                return
            await self._outputs.write_offline(number, pending.finals)
            if self._partitions.get(number) is not partition:
                return
            await self._save(number, entries)
        except BaseException:
            if self._partitions.get(number) is partition:
                later = self._pending[number]
                self._pending[number] = Pending(
                    pending.held + later.held, pending.records + later.records, pending.finals + later.finals
                )
                partition.changed |= changed
            raise
        if self._partitions.get(number) is partition:
            for event in pending.held:
                event.ack()
        self.count.snapshots += 1


def _bar_record(number: int, final: Final) -> Record:
    value = msgspec.json.encode(final.bar)
    return Record(topics.BARS, number, final.bar.key, value, topics.schema_header(BAR_SCHEMA))


def _features_record(number: int, message: Features) -> Record:
    key, value = message.symbol.encode(), msgspec.json.encode(message)
    return Record(topics.FEATURES, number, key, value, topics.schema_header(FEATURES_SCHEMA))


def offline_writer(folder: Path) -> Callable[[int, list[Final]], None]:
    """A function that upserts finals of one partition into the offline store (blocking)."""
    from feature_repo.offline_sink import to_table, upsert

    def write(number: int, finals: list[Final]) -> None:
        bars = [final.bar for final in finals]
        columns: dict[str, list[Any]] = {
            "event_ms": [bar.close_event_ms for bar in bars],
            "seen_ms": [final.seen_ms for final in finals],
            "session_date": [bar.session_date for bar in bars],
            "n_sessions": [final.n_sessions for final in finals],
            "is_warm": [int(final.n_sessions >= WARM_SESSIONS) for final in finals],
            "feed": [final.feed for final in finals],
            "spec_hash": [spec_hash()] * len(finals),
        }
        table = to_table(
            [bar.symbol for bar in bars],
            np.array([bar.session_close_ms for bar in bars], dtype=np.int64),
            np.array([final.row for final in finals]),
            {feature.name: columns[feature.name] for feature in PROVENANCE},
        )
        upsert(folder, number, table)

    return write


async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a blocking call beside the event loop: heartbeats and timers must go on."""
    return await asyncio.get_running_loop().run_in_executor(None, partial(function, *arguments))
