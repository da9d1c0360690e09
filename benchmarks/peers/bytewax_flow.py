"""Bytewax: a stateful batch operator keyed by partition, snapshots into its recovery store, a batching sink.

Rows are emitted every FLUSH_S, by a notification when no record comes. Epochs last Bytewax's default of ten
seconds: a snapshot holds the whole state of a key.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from benchmarks.peers.options import PeerOptions, parse
from benchmarks.peers.progress import Progress
from benchmarks.peers.rolling import FLUSH_S, Opening, Rolling
from producers import topics

EPOCH = timedelta(seconds=10)
Rows = tuple[Any, int]  # rows as `Partition.online_rows` returns them, and the ticks they contain
Saved = list[tuple[bytes, bytes]]


class PartitionLogic(StatefulBatchLogic):  # type: ignore[misc]  # an extra that need not be installed
    """The state of one key."""

    def __init__(self, opening: Opening, saved: Saved | None) -> None:
        self._opening, self._saved = opening, saved
        self._rolling: Rolling | None = None  # opened by the first record, which names the partition
        self._known: set[int] = set()

    def on_batch(self, values: list[Any]) -> tuple[Iterable[Rows], bool]:
        """Apply records."""
        if self._rolling is None:
            self._rolling = self._opening.partition(values[0].partition, self._saved)
            self._known = set(self._rolling.partition.dirty)
        for message in values:
            self._rolling.apply(message.value, message.offset)
        return self.on_notify()

    def on_notify(self) -> tuple[Iterable[Rows], bool]:
        """Emit rows when they are due."""
        ready = self._rolling if self._rolling is not None and self._rolling.due else None
        return ([ready.take()] if ready else []), False

    def notify_at(self) -> datetime | None:
        """Soon, while there is something to write."""
        if self._rolling is None or not self._rolling.partition.dirty:
            return None
        return datetime.now(UTC) + timedelta(seconds=FLUSH_S)

    def snapshot(self) -> Saved:
        """All symbols of the partition."""
        if self._rolling is None:
            return self._saved or []
        partition = self._rolling.partition
        self._known |= partition.changed
        partition.changed = set()
        return list(self._rolling.entries(self._known).items())


class Writer(StatelessSinkPartition):  # type: ignore[misc]  # as above
    """Writes what the operators emit."""

    def __init__(self, opening: Opening, progress: Progress) -> None:
        self._opening, self._progress = opening, progress

    def write_batch(self, items: list[tuple[str, Rows]]) -> None:
        """Write the rows of some partitions."""
        for _, (rows, ticks) in items:
            self._opening.write(rows)
            self._progress.written(ticks)


class Online(DynamicSink):  # type: ignore[misc]  # as above
    """One writer per worker."""

    def __init__(self, opening: Opening, progress: Progress) -> None:
        self._opening, self._progress = opening, progress

    def build(self, _step_id: str, _worker_index: int, _worker_count: int) -> Writer:
        """The writer."""
        return Writer(self._opening, self._progress)


def main(options: PeerOptions) -> None:
    """Consume until it is stopped."""
    opening, progress = Opening(options), Progress(options.ticks)

    def build(saved: Saved | None) -> PartitionLogic:
        progress.started()
        return PartitionLogic(opening, saved)

    flow = Dataflow("rolling")
    source = KafkaSource([options.settings.kafka_bootstrap_servers], [topics.TICKS])
    records = op.input("ticks", flow, source)
    keyed = op.key_on("by_partition", records, lambda message: str(message.partition))
    rows = op.stateful_batch("rolling", keyed, build)
    op.output("online", rows, Online(opening, progress))
    init_db_dir(options.work, 1)
    cli_main(flow, epoch_interval=EPOCH, recovery_config=RecoveryConfig(options.work))


if __name__ == "__main__":
    main(parse(__doc__))
