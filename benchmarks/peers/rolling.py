"""What the peers share with Allocast: the kernel, the row layout and the writer. Engine and delivery are theirs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from benchmarks.peers.options import PeerOptions
from feature_repo.online_store import FencedRedisOnlineStore
from feature_repo.store import load_config
from producers import tick, topics
from producers.sessions import nyse
from producers.universe import load_universe
from producers.waiting import topic_id
from stream_processors.partition import Partition
from stream_processors.state_version import source_log

FLUSH_S = 0.02  # as in Allocast's worker


class Rolling:
    """One partition: frames in, rows out when they are due."""

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self._flushed = time.monotonic()
        self.ticks = 0  # applied since the last rows were taken

    def apply(self, value: bytes, offset: int) -> None:
        """Apply one record."""
        self.ticks += self.partition.apply(tick.decode(value), offset).applied

    @property
    def due(self) -> bool:
        """Whether there is something to write and the last write was FLUSH_S ago."""
        return bool(self.partition.dirty) and time.monotonic() - self._flushed >= FLUSH_S

    def entries(self, rows: Iterable[int]) -> dict[bytes, bytes]:
        """What an engine keeps of these rows; what a predecessor left is in the engine's own store."""
        found = self.partition.snapshot(rows)
        return {key: value for key, value in found.items() if value is not None}

    def take(self) -> tuple[Any, int]:
        """The newest rows of what moved, and how many ticks they contain."""
        rows, ticks = self.partition.online_rows(self.partition.dirty), self.ticks
        self.partition.dirty, self.ticks = set(), 0
        self._flushed = time.monotonic()
        return rows, ticks


class Opening:
    """Opens partitions with the states they start from, and writes rows with Allocast's own writer."""

    def __init__(self, options: PeerOptions) -> None:
        self._universe = load_universe(options.settings.universe_file)
        self._log_id = topic_id(options.settings, topics.TICKS)
        self._states = options.states
        self._config = load_config(options.settings)
        self._store = FencedRedisOnlineStore()
        nyse()

    def partition(self, number: int, saved: Iterable[tuple[bytes, bytes]] | None = None) -> Rolling:
        """A partition from what the engine saved, at first from the warm states."""
        opened = Partition(number, source_log(self._log_id, number), self._universe, nyse())
        opened.restore(self._states.get(number, {}).items() if saved is None else saved)
        opened.obsolete = []  # keys of Allocast's changelog, which no engine here has
        return Rolling(opened)

    def write(self, rows: Any) -> None:
        """Write rows that `Rolling.take` returned."""
        self._store.write_rows(self._config, [rows])
