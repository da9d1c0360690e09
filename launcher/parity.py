"""`allocast verify parity`: is what the stream wrote online what a clean replay of the log computes?

Every row is compared bit for bit with the state of a fresh kernel at exactly the offset that the row says it
contains. Prices go on moving meanwhile: when a row is newer than the replay, the replay goes on; when the
replay has passed it, the row is read again.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Mapping
from typing import Any

import msgspec

from feature_repo.features import FEATURES, NUMERIC_NAMES, WINDOW
from feature_repo.online import FeastReader, FeatureRow
from feature_repo.online_store_row import OnlineRow
from launcher.topic_reader import consumer
from producers import tick, topics
from producers.errors import FixAndRestart, SkipRecord
from producers.sessions import nyse
from producers.settings import Settings
from producers.universe import Universe
from producers.waiting import topic_id
from stream_processors.partition import Partition

DEADLINE_S = 120.0


class Verdict(msgspec.Struct, frozen=True):
    """Of one symbol. `different` names the features that are not equal; empty when all are."""

    symbol: str
    offset: int
    equal: bool
    different: list[str]


def verify(settings: Settings, universe: Universe, deadline_s: float = DEADLINE_S) -> list[Verdict]:
    """Compare every symbol of the universe that has a row online.

    Raises FixAndRestart when the log no longer holds its beginning: then there is nothing to compare with.
    """
    from feature_repo.online_store import FencedRedisOnlineStore
    from feature_repo.store import load_config

    # Importing Feast switches on the deprecation warnings of every library.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    replay = Replay(settings, universe)
    online, store, config = FeastReader(settings), FencedRedisOnlineStore(), load_config(settings)
    verdicts: dict[str, Verdict] = {}
    deadline = time.monotonic() + deadline_s
    waiting = {symbol for symbol in universe.symbols if store.fence(config, symbol) is not None}
    while waiting and time.monotonic() < deadline:
        for symbol in sorted(waiting):
            before = store.fence(config, symbol)
            row = online.read([symbol]).get(symbol)
            if before is None or row is None or store.fence(config, symbol) != before:
                continue  # it was written while we read it
            expected = replay.row_at(symbol, before[0], before[1])
            if expected is not None:
                different = differences(row, expected)
                verdicts[symbol] = Verdict(symbol, before[1], not different, different)
                waiting.discard(symbol)
    return [
        *verdicts.values(),
        *(Verdict(symbol, -1, False, ["not reached in time"]) for symbol in sorted(waiting)),
    ]


class Replay:
    """A clean kernel per partition, fed from the beginning of `market.ticks` as far as is asked for."""

    def __init__(self, settings: Settings, universe: Universe) -> None:
        from kafka import TopicPartition

        self._consumer: Any = consumer(settings)
        self._log_id = topic_id(settings, topics.TICKS)
        self._universe = universe
        numbers = sorted(self._consumer.partitions_for_topic(topics.TICKS) or ())
        self._topic = {number: TopicPartition(topics.TICKS, number) for number in numbers}
        begins = self._consumer.beginning_offsets(list(self._topic.values()))
        if gone := [partition.partition for partition, begin in begins.items() if begin > 0]:
            raise FixAndRestart(
                f"{topics.TICKS}: the beginning of partition {', '.join(map(str, gone))} was deleted by retention; "
                "there is nothing to compare with"
            )
        self._partitions = {
            number: Partition(number, f"{self._log_id}:{number}", universe, nyse()) for number in numbers
        }
        self._next = dict.fromkeys(numbers, 0)

    def row_at(self, symbol: str, log: str, offset: int) -> OnlineRow | None:
        """The row of a symbol with everything up to `offset`; None when the replay has passed that point."""
        number = tick.partition_of(symbol, len(self._partitions))
        if log != f"{self._log_id}:{number}":
            raise FixAndRestart(
                f"{symbol}: the row online comes from another log ({log}); is the worker running?"
            )
        partition = self._partitions[number]
        if self._next[number] <= offset:
            self._feed(number, offset)
        rows = [row for row in partition.online_rows(partition.dirty) if row.symbol == symbol]
        return rows[0] if rows and rows[0].offset == offset else None

    def _feed(self, number: int, last: int) -> None:
        """Apply records up to and including offset `last`."""
        topic = self._topic[number]
        self._consumer.assign([topic])
        self._consumer.seek(topic, self._next[number])
        while self._next[number] <= last:
            for record in self._consumer.poll(timeout_ms=500).get(topic, []):
                if record.offset > last:
                    return
                with contextlib.suppress(SkipRecord):  # the worker sent it to the dead letters
                    self._partitions[number].apply(tick.decode(record.value or b""), record.offset)
                self._next[number] = record.offset + 1


def differences(row: FeatureRow, expected: OnlineRow) -> list[str]:
    """Names of the features that are not equal, bit for bit."""
    wanted: Mapping[str, Any] = {
        feature.name: value for feature, value in zip(FEATURES, expected.values, strict=True)
    }
    found = {**row.values, **{name: getattr(row, name) for name in row.__struct_fields__ if name != "values"}}
    found["is_warm"] = int(row.is_warm)
    found[WINDOW.name] = None if row.window is None else row.window.ravel().tolist()
    numeric = set(NUMERIC_NAMES)
    return [
        name
        for name, value in wanted.items()
        if found[name] != value or (name in numeric and type(found[name]) is not type(value))
    ]
