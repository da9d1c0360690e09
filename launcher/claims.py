"""What the stream says it has computed: rows online, on `features.rolling`, in the offline store, bars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from feature_repo.features import FEATURES, WINDOW, spec_hash
from feature_repo.online import FeatureRow
from launcher.topic_reader import consumer
from producers import topics
from producers.settings import Settings
from stream_processors.messages import Bar, Features

ROLLING_RECENT = 2_000  # newest records of each partition that are looked at

Values = dict[str, Any]  # by feature name


class OpenRow(msgspec.Struct, frozen=True):
    """A row as of the newest tick that a record of the log brought."""

    symbol: str
    source: str  # online or features.rolling
    offset: int  # of that record
    values: Values


class ClosedRow(msgspec.Struct, frozen=True):
    """A row as of a session's close, or the bar itself (source market.bars)."""

    symbol: str
    source: str  # features.rolling, offline or market.bars
    session_date: int
    values: Values


def values_of_row(row: FeatureRow) -> Values:
    """Every feature of a row that was read through Feast."""
    named = {name: getattr(row, name) for name in row.__struct_fields__ if name not in ("values", "window")}
    named["is_warm"] = int(row.is_warm)
    window = None if row.window is None else row.window.ravel().tolist()
    return {**row.values, WINDOW.name: window, **named}


def values_of_message(message: Features) -> Values:
    """Every feature of a `features/1` message."""
    return {
        **message.values,
        **{f.name: getattr(message, f.name) for f in FEATURES if hasattr(message, f.name)},
    }


def online(settings: Settings, symbols: list[str]) -> Iterator[tuple[str, OpenRow]]:
    """(identity of the log, row) of every symbol that has one."""
    from feature_repo.online import FeastReader
    from feature_repo.online_store import FencedRedisOnlineStore
    from feature_repo.store import load_config

    reader, store, config = FeastReader(settings), FencedRedisOnlineStore(), load_config(settings)
    for symbol, row in reader.read(symbols).items():
        if (fence := store.fence(config, symbol)) is not None:
            yield fence[0], OpenRow(symbol, "online", row.source_offset, values_of_row(row))


def rolling(settings: Settings) -> Iterator[OpenRow | ClosedRow]:
    """The newest records of `features.rolling` of this feature spec."""
    for record in _newest(settings, topics.FEATURES, ROLLING_RECENT):
        message = msgspec.json.decode(record.value, type=Features)
        if message.spec_hash != spec_hash():
            continue
        values = values_of_message(message)
        if message.final:
            yield ClosedRow(message.symbol, topics.FEATURES, message.session_date, values)
        elif message.source_offset is not None:
            yield OpenRow(message.symbol, topics.FEATURES, message.source_offset, values)


def bars(settings: Settings) -> Iterator[ClosedRow]:
    """Every bar, the last of each key."""
    last = {
        record.key: msgspec.json.decode(record.value, type=Bar) for record in _newest(settings, topics.BARS)
    }
    for bar in last.values():
        yield ClosedRow(bar.symbol, topics.BARS, bar.session_date, msgspec.structs.asdict(bar))


def offline(folder: Path) -> Iterator[ClosedRow]:
    """Every row of the offline store of this feature spec."""
    import pyarrow.parquet as pq

    for path in sorted(folder.glob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            if row["spec_hash"] == spec_hash():
                values = {feature.name: row[feature.name] for feature in FEATURES}
                yield ClosedRow(row["symbol"], "offline", row["session_date"], values)


def _newest(settings: Settings, topic: str, newest: int | None = None) -> Iterator[Any]:
    """Records up to where the topic ends now; of each partition at most the newest so many."""
    from kafka import TopicPartition

    with consumer(settings) as reader:
        partitions = [TopicPartition(topic, number) for number in reader.partitions_for_topic(topic) or ()]
        reader.assign(partitions)
        begins, ends = reader.beginning_offsets(partitions), reader.end_offsets(partitions)
        for one in partitions:
            reader.seek(one, begins[one] if newest is None else max(begins[one], ends[one] - newest))
        while any(reader.position(one) < ends[one] for one in partitions):
            for records in reader.poll(timeout_ms=500).values():
                yield from records


def same(one: Any, other: Any) -> bool:
    """Equality of two values bit for bit; 1 and 1.0 are not the same.

    >>> same([0.1, 1.0], [0.1, 1.0]), same(0.3, 0.1 + 0.2), same(1, 1.0), same(None, 0.0)
    (True, False, False, False)
    """
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def differences(found: Values, expected: Values) -> list[str]:
    """Names of what is not equal, bit for bit."""
    return [name for name, value in expected.items() if not same(found.get(name), value)]
