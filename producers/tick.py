"""The tick frame, the one message that enters Allocast (`ticks/1` on `market.ticks`).

Why columns of many ticks and not one message per tick: a Python stream engine pays 0.1-0.3 ms per Kafka
record before our code runs, so one record carries all ticks of one partition that arrived together.
"""

from __future__ import annotations

import zlib
from enum import IntEnum
from typing import Annotated

import msgspec

from producers.errors import SkipRecord

SCHEMA = "ticks/1"
MAX_TICKS = 1024

# Every refused tick is written out with its names: without bounds one record of 1 MB becomes gigabytes of dead
# letters, or a dead letter that is itself too large for Kafka and stops the stream for ever.
Name = Annotated[str, msgspec.Meta(max_length=64)]
_SHORT = msgspec.Meta(max_length=MAX_TICKS)

# No price, rate or size of this world is beyond these, and their squares and sums stay finite: one infinity in a
# rolling state would stay for ever.
MAX_PRICE = 1e15  # quote currency
MAX_RATE = 1_000.0  # percent per year, either way
MAX_SIZE = 1e15  # units


class Mark(IntEnum):
    """What a feed knows about a tick. From OUT_OF_SESSION on the stream refuses it, with the mark as the reason."""

    NONE = 0
    PRE_MARKET = 1
    POST_MARKET = 2
    OUT_OF_SESSION = 3  # quoted while its market is closed
    STALE = 4  # older than what was known already, sent as if it were new
    UNIT_CHANGED = 5  # in another currency than the history


REFUSED_FROM = Mark.OUT_OF_SESSION


class TickFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """Ticks of the symbols of one partition, in arrival order; columns of equal length 1 <= n <= MAX_TICKS.

    (epoch, partition, seq) identifies a frame: a second one with the same key is a duplicate.
    """

    source: Name  # feed: yahoo, csv, simulated
    epoch: Name  # one run of one producer
    seq: int  # frames of this epoch and partition, from 0
    seen_ms: int  # when the last of them was read, ms since epoch, UTC
    symbols: Annotated[list[Name], _SHORT]  # distinct; the column `symbol` indexes into it
    symbol: Annotated[list[int], _SHORT]
    event_ms: Annotated[list[int], _SHORT]  # exchange time, ms since epoch, UTC
    # quote currency, or percent per year for a rate; null (NaN) is dead-lettered
    price: Annotated[list[float | None], _SHORT]
    size: Annotated[list[float | None], _SHORT] | None = None  # units traded, where the feed knows
    history: bool = False  # backfill: feeds the state, but is no news to anyone who listens
    settled: bool = (
        False  # official closes and no quotes: they are final, so no jump among them waits for the next
    )
    # Positions in `symbols` whose whole past begins anew with this frame: what is known of them is forgotten.
    restart: Annotated[list[int], _SHORT] = []
    marks: Annotated[list[int], _SHORT] | None = None  # what the feed knows about each tick, see Mark


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(TickFrame)


def encode(frame: TickFrame) -> bytes:
    """JSON bytes of a frame.

    >>> decode(encode(stub := TickFrame("csv", "01J", 0, 5, ["GC=F"], [0], [4], [1500.5]))) == stub
    True
    """
    return _encoder.encode(frame)


def decode(raw: bytes) -> TickFrame:
    """The frame in `raw`, with its shape checked. Values of single ticks are judged by the stream.

    Raises SkipRecord (reason `not_json`, `bad_shape` or `bad_columns`) when the frame as a whole is unusable.
    """
    try:
        frame = _decoder.decode(raw)
    except (msgspec.ValidationError, RecursionError) as error:  # nested a hundred thousand deep
        raise SkipRecord("bad_shape", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SkipRecord("not_json", str(error)) from error
    n = len(frame.symbol)
    lengths = {"event_ms": len(frame.event_ms), "price": len(frame.price)}
    if frame.size is not None:
        lengths["size"] = len(frame.size)
    if frame.marks is not None:
        lengths["marks"] = len(frame.marks)
    if n == 0 or any(length != n for length in lengths.values()):
        raise SkipRecord("bad_columns", f"expected {n or 'some'} values in each column, got {lengths}")
    if min(frame.symbol) < 0 or max(frame.symbol) >= len(frame.symbols):
        raise SkipRecord("bad_columns", f"column symbol must index the {len(frame.symbols)} symbols")
    if frame.restart and (min(frame.restart) < 0 or max(frame.restart) >= len(frame.symbols)):
        raise SkipRecord("bad_columns", f"column restart must index the {len(frame.symbols)} symbols")
    if frame.marks is not None and not all(0 <= mark <= max(Mark) for mark in frame.marks):
        raise SkipRecord("bad_columns", f"marks must be 0 to {max(Mark)}")
    if len(set(frame.symbols)) != len(frame.symbols):
        raise SkipRecord("bad_columns", "symbols must be distinct")
    if not (0 <= frame.seq < 2**53 and 0 <= frame.seen_ms < 2**53):
        raise SkipRecord("bad_columns", "seq and seen_ms must be at least 0 and below 2**53")
    if not all(-(2**53) < ms < 2**53 for ms in frame.event_ms):
        raise SkipRecord("bad_columns", "event_ms must lie within 2**53")
    return frame


def partition_of(symbol: str, partitions: int) -> int:
    """The partition that holds a symbol; the same on every machine and in every Python.

    >>> partition_of("BTC-USD", 12) == partition_of("BTC-USD", 12)
    True
    """
    return zlib.crc32(symbol.encode()) % partitions
