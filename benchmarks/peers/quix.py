"""Quix Streams: a stateful function per record, state in RocksDB with a changelog topic, a sink at checkpoints.

The partition stays in memory and every change of a symbol is written through to Quix's state, so that a record
never pays for reading its state back. Rows are written online every FLUSH_S, the rest before each commit.
"""

from __future__ import annotations

import os
from typing import Any

from quixstreams import Application, State, message_context
from quixstreams.sinks.base import BaseSink

from benchmarks.peers.options import PeerOptions, parse
from benchmarks.peers.progress import Progress
from benchmarks.peers.rolling import Opening, Rolling
from producers import topics

CHECKPOINT_S = 1.0  # Quix's default is 5 s; Allocast's snapshots are a second apart
KEYS = "keys"  # state key of the list of all others


class Online(BaseSink):  # type: ignore[misc]  # an extra that need not be installed
    """Writes the partitions' newest rows; Quix calls `flush` before it commits offsets."""

    def __init__(self, opening: Opening, progress: Progress) -> None:
        super().__init__()
        self._opening, self._progress = opening, progress
        self.partitions: dict[int, Rolling] = {}

    def add(self, *_: Any, **__: Any) -> None:
        """Nothing: rows are read from the partitions when they are due."""

    def flush(self) -> None:
        """Write what moved."""
        for rolling in self.partitions.values():
            if rolling.partition.dirty:
                self.write(rolling)

    def write(self, rolling: Rolling) -> None:
        """Write what moved in one partition."""
        rows, ticks = rolling.take()
        self._opening.write(rows)
        self._progress.written(ticks)


def main(options: PeerOptions) -> None:
    """Consume until it is stopped."""
    opening, progress = Opening(options), Progress(options.ticks)
    online = Online(opening, progress)
    app = Application(
        broker_address=options.settings.kafka_bootstrap_servers,
        consumer_group=f"quix-{os.getpid()}",
        auto_offset_reset="earliest",
        commit_interval=CHECKPOINT_S,
        state_dir=options.work,
        loglevel="WARNING",
    )
    ticks = app.topic(topics.TICKS, key_deserializer="bytes", value_deserializer="bytes")

    def step(value: bytes, key: bytes, _timestamp: int, _headers: Any, state: State) -> None:
        number = int(key)
        rolling = online.partitions.get(number)
        if rolling is None:
            progress.started()
            keys: list[str] = state.get(KEYS, [])
            saved = [(name.encode(), state.get_bytes(name) or b"") for name in keys]
            rolling = online.partitions[number] = opening.partition(number, saved or None)
            state.set(KEYS, [name.decode() for name in rolling.entries(rolling.partition.dirty)])
        rolling.apply(value, message_context().offset)
        for name, entry in rolling.entries(rolling.partition.changed).items():
            state.set_bytes(name.decode(), entry)
        rolling.partition.changed = set()
        if rolling.due:
            online.write(rolling)

    app.dataframe(ticks).apply(step, stateful=True, metadata=True).sink(online)
    app.run()


if __name__ == "__main__":
    main(parse(__doc__))
