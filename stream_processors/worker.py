"""What a worker does with its partitions: apply records, write online, snapshot, acknowledge.

Order of every acknowledgement: outputs are in Kafka, rows are in the online and the offline store, the state
that contains the record is in the changelog, and only then is the record acknowledged. A crash anywhere in
between replays records whose effect the per-symbol offsets (state), the fence (online) and the upserts
(offline, compacted bars) make idempotent.

Flushes do not overlap; a snapshot includes one, and others go on while it is written. Applying a record never
waits for either, only for room: past MAX_HELD records without a snapshot the agent waits, so memory stays bounded while Redis is
away and nothing is lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from producers import metrics, tick, topics
from producers.errors import SkipRecord
from producers.sessions import Sessions
from producers.universe import Universe
from stream_processors.dead_letters import Record, dead_record
from stream_processors.messages import BAR_SCHEMA, FEATURES_SCHEMA, Features
from stream_processors.outputs import Held, Outputs
from stream_processors.partition import DUPLICATE, Final, Partition, final_message, online_message
from stream_processors.snapshots import Entries
from stream_processors.state_version import source_log

log = logging.getLogger("stream_processors")

MAX_HELD = 20_000  # records
MAX_WAITING_BYTES = 128_000_000  # of dead letters and other records to be sent
MAX_FINALS = 8_000  # rows waiting for the offline store before a snapshot is due at once
CLOCK_SKEW_MS = 60_000  # how far a producer's clock may be ahead of the log's
MAX_ANNOUNCED = 500  # open rows at a time: a row costs a tenth of a millisecond
# A snapshot writes the whole state of every symbol that moved. More symbols, fewer snapshots: what a crash
# costs is replaying the time between two, at the speed of the kernel.
CHANGELOG_BYTES_PER_S = 4_000_000
SNAPSHOT_S = (1.0, 10.0)


@dataclass
class Pending:
    """What has been computed but not yet made durable, of one partition."""

    held: list[Held] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    finals: list[Final] = field(default_factory=list)
    bytes: int = 0  # of the records

    def add(self, record: Record) -> None:
        """One more record to be sent."""
        self.records.append(record)
        self.bytes += len(record.value)

    def __add__(self, later: Pending) -> Pending:
        return Pending(
            self.held + later.held,
            self.records + later.records,
            self.finals + later.finals,
            self.bytes + later.bytes,
        )


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
        topic_id: str,
        snapshots: Callable[[], Iterable[tuple[bytes, bytes]]],
        save_snapshot: Callable[[int, Entries], Any],
    ) -> None:
        """`snapshots` yields the recovered changelog; `save_snapshot(partition, entries)` writes to it."""
        self._universe, self._sessions, self._outputs = universe, sessions, outputs
        self._topic_id, self._snapshots, self._save = topic_id, snapshots, save_snapshot
        self._partitions: dict[int, Partition] = {}
        self._pending: dict[int, Pending] = {}
        self._news: dict[int, set[int]] = {}  # partition -> rows that moved and were not announced yet
        self._unseen_ms: list[
            int
        ] = []  # when the live frames that are not yet readable online were published
        self._snapshot_bytes = 0
        self._flushing = asyncio.Lock()
        self._generation = 0  # grows with every revocation
        self._room = asyncio.Event()
        self._room.set()
        self.moved = asyncio.Event()  # there are rows to write online
        self.snapshot_due = asyncio.Event()
        self.count = Counters()

    def forget(self, partitions: Iterable[int]) -> None:
        """Drop partitions that were taken away; their new owner starts from the changelog."""
        self._generation += 1
        for number in partitions:
            self._partitions.pop(number, None)
            self._pending.pop(number, None)
            self._news.pop(number, None)
        self._check_room()

    def is_open(self, number: int) -> bool:
        """Whether this worker works on a partition."""
        return number in self._partitions

    def next_offset(self, number: int) -> int:
        """The first record that the state of a partition does not contain; opens the partition."""
        return self._opened(number).next_offset

    async def apply(
        self, number: int, offset: int, value: bytes | None, published_ms: int, held: Held | None
    ) -> None:
        """Apply one source record; it is acknowledged later, by `snapshot`.

        published_ms is the record's own timestamp, which the broker sets. What becomes of a frame depends on
        nothing but the log, so a replay comes to the same result at any later time.
        held is None for a record that nobody waits to see acknowledged.
        """
        generation = self._generation
        await self._room.wait()
        if generation != self._generation:
            return  # partitions moved while it waited; whoever owns it now gets it again, in order
        partition = self._opened(number)
        pending = self._pending[number]
        if held is not None:
            pending.held.append(held)
        self.count.records += 1
        metrics.RECORDS.inc()
        try:
            frame = tick.decode(value or b"")
            check_clock(frame, published_ms)
            outcome = partition.apply(frame, offset)
        except Exception as error:  # whatever a record does to us, the stream goes on without it
            if isinstance(error, SkipRecord):
                log.warning("%s[%d]@%d: %s", topics.TICKS, number, offset, error)
                reason, detail = error.reason, error.detail
            else:
                log.exception("%s[%d]@%d: unexpected", topics.TICKS, number, offset)
                reason, detail = "unexpected", repr(error)
            pending.add(dead_record(reason, value or b"", number, offset, detail))
            partition.pass_over(offset)
            self.count.dead += 1
            metrics.DEAD_LETTERS.labels(reason).inc()
            self._check_room()
            return
        if outcome.duplicate:
            self.count.duplicates += 1
            metrics.DUPLICATES.inc()
            log.info(
                "%s[%d]@%d: %s frame %s/%d", topics.TICKS, number, offset, DUPLICATE, frame.epoch, frame.seq
            )
        for reason, dead in outcome.dead:
            pending.add(dead_record(reason, dead, number, offset))
            metrics.DEAD_LETTERS.labels(reason).inc()
        for final in outcome.finals:
            pending.add(_bar_record(number, final))
            if not final.bar.history:
                pending.add(_features_record(number, final_message(final)))
        pending.finals += outcome.finals
        if partition.dirty:
            self.moved.set()
        if outcome.applied and not frame.history:
            self._unseen_ms.append(published_ms)
        metrics.TICKS.inc(outcome.applied)
        self.count.ticks += outcome.applied
        self.count.dead += len(outcome.dead)
        self._check_room()

    def _opened(self, number: int) -> Partition:
        partition = self._partitions.get(number)
        if partition is None:
            partition = Partition(number, source_log(self._topic_id, number), self._universe, self._sessions)
            restored = partition.restore(self._snapshots())
            log.info(
                "%s[%d]@%d: opened, %d symbols restored",
                topics.TICKS, number, partition.next_offset, restored,
            )  # fmt: skip
            self._partitions[number] = partition
            self._pending[number] = Pending()
        return partition

    def _check_room(self) -> None:
        held = sum(len(pending.held) for pending in self._pending.values())
        finals = sum(len(pending.finals) for pending in self._pending.values())
        waiting = sum(pending.bytes for pending in self._pending.values())
        if held >= MAX_HELD // 2 or finals >= MAX_FINALS or waiting >= MAX_WAITING_BYTES // 2:
            self.snapshot_due.set()
        if held >= MAX_HELD or finals >= 4 * MAX_FINALS or waiting >= MAX_WAITING_BYTES:
            self._room.clear()
        else:
            self._room.set()

    async def flush(self) -> None:
        """Write the newest row of every symbol that moved. On failure they stay to be written."""
        async with self._flushing:
            self.moved.clear()
            unseen, self._unseen_ms = self._unseen_ms, []
            taken = {
                number: partition.dirty for number, partition in self._partitions.items() if partition.dirty
            }
            if not taken:
                return
            batches = []
            for number, dirty in taken.items():
                partition = self._partitions[number]
                partition.dirty = set()
                batches.append(partition.online_rows(dirty))
                self._news.setdefault(number, set()).update(dirty)
            try:
                written = await self._outputs.write_online(batches)
            except BaseException:
                self._unseen_ms = (unseen + self._unseen_ms)[-MAX_HELD:]
                for number, dirty in taken.items():
                    if number in self._partitions:
                        self._partitions[number].dirty |= dirty
                        self.moved.set()
                raise
            self.count.online_rows += written
            metrics.ONLINE_ROWS.inc(written)
            now = time.time()
            for published_ms in unseen:
                metrics.FRESHNESS.observe(max(0.0, now - published_ms / 1000))

    def write_all_again(self) -> None:
        """Every symbol's row goes online once more; the fence refuses those that are there."""
        for partition in self._partitions.values():
            partition.all_dirty()
        self.moved.set()

    async def announce(self) -> None:
        """Send the newest rows of symbols that moved since they were last announced, of some if they are many."""
        records: list[Record] = []
        taken: dict[int, list[int]] = {}
        for number, news in self._news.items():
            taken[number] = [news.pop() for _ in range(min(len(news), MAX_ANNOUNCED - len(records)))]
            rows = self._partitions[number].online_rows(taken[number])
            records += [_features_record(number, online_message(row)) for row in rows]
        try:
            await self._outputs.send(records)
        except BaseException:
            for number, some in taken.items():
                if number in self._news:
                    self._news[number].update(some)
            raise

    @property
    def snapshot_interval_s(self) -> float:
        """Seconds between snapshots, so that they write at most CHANGELOG_BYTES_PER_S."""
        shortest, longest = SNAPSHOT_S
        return min(max(self._snapshot_bytes / CHANGELOG_BYTES_PER_S, shortest), longest)

    async def snapshot(self) -> None:
        """Make everything computed so far durable, then acknowledge its records."""
        self.snapshot_due.clear()
        self._snapshot_bytes = 0
        with metrics.SNAPSHOT.time():
            for number in list(self._partitions):
                await self._snapshot(number)
        metrics.PARTITIONS.set(len(self._partitions))
        metrics.SYMBOLS.set(sum(partition.symbols for partition in self._partitions.values()))
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
        obsolete, partition.obsolete = partition.obsolete, []
        self._snapshot_bytes += sum(len(value or b"") for value in entries.values())
        try:
            await self.flush()
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
                self._pending[number] = pending + self._pending[number]
                partition.changed |= changed
                partition.obsolete = obsolete
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


def check_clock(frame: tick.TickFrame, published_ms: int) -> None:
    """Raises SkipRecord when a frame says that it was read long after it was published."""
    ahead_ms = frame.seen_ms - published_ms
    if ahead_ms > CLOCK_SKEW_MS:
        raise SkipRecord("ahead_of_clock", f"seen_ms is {ahead_ms} ms after the record's own time")
