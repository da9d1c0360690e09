"""Dead letters: what could not be used, with the reason and where it came from."""

from __future__ import annotations

import msgspec

from producers import topics
from stream_processors.messages import DEAD_SCHEMA, DeadTick

MAX_VALUE = 1_000_000


class Record(msgspec.Struct, frozen=True):
    """One Kafka record to be sent."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


def dead_record(
    reason: str, value: bytes | DeadTick, source_partition: int, source_offset: int, detail: str = ""
) -> Record:
    """A record of `market.dead`: the refused bytes of a frame, or one refused tick as JSON."""
    tick = isinstance(value, DeadTick)
    headers = [
        ("schema", DEAD_SCHEMA.encode()),
        ("reason", reason.encode()),
        ("kind", b"tick" if tick else b"frame"),
        ("source_topic", topics.TICKS.encode()),
        ("source_partition", str(source_partition).encode()),
        ("source_offset", str(source_offset).encode()),
    ]
    if isinstance(value, bytes) and len(value) > MAX_VALUE:
        # A record is limited to 1 MiB and ours has more headers than the one it was.
        headers.append(("truncated_from", str(len(value)).encode()))
        value = value[:MAX_VALUE]
    if detail:
        headers.append(("detail", detail.encode()[:500]))
    key = value.symbol.encode() if isinstance(value, DeadTick) else None
    body = msgspec.json.encode(value) if isinstance(value, DeadTick) else value
    return Record(topics.DEAD, 0, key, body, headers)
