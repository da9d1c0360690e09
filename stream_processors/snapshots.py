"""Changelog entries of one partition: the state of each symbol and which records it has seen.

Each symbol carries the offset it contains, so symbols may be written one by one. The table of seen frames is
written last: after a crash in between it is never ahead of any symbol.

Every owner of a partition writes under a generation of its own, one above what it found, and begins with a
full snapshot. A worker that lost the partition while it was frozen may still write, under its own generation,
into which nobody looks any more; without that, its older symbols would mix with its successor's newer table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from feature_repo.features import spec_hash
from stream_processors import kernel
from stream_processors.state_version import STATE_VERSION

# Snapshots of another layout are never read. The consumer group and its changelog are named after the layout
# too (state_version.py), so a new layout starts from the beginning of the log.
LAYOUT = hashlib.sha256(f"{STATE_VERSION}|{kernel.STATE_SIZE}|{spec_hash()}".encode()).digest()[:8]

_STATE_BYTES = kernel.STATE_SIZE * 8

Entries = dict[bytes, bytes | None]  # None deletes


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """Which records a partition has seen."""

    offset: int = -1  # newest record
    last_seq: dict[str, int] = {}  # epoch -> newest sequence number


class Found(msgspec.Struct, frozen=True):
    """What a predecessor left: its newest complete generation."""

    generation: int  # the next owner's
    symbols: list[tuple[str, str, bytes]]  # symbol, feed, state
    seen: Seen
    obsolete: list[bytes]  # keys to delete once the next owner has written its own


def entries(
    log: str,
    generation: int,
    symbols: Iterable[tuple[str, str, bytes]],
    seen: Seen,
    obsolete: Iterable[bytes],
) -> Entries:
    """What is written, in this order."""
    out: Entries = {
        _key(log, generation, symbol): LAYOUT + msgspec.msgpack.encode(feed) + state
        for symbol, feed, state in symbols
    }
    out[_key(log, generation, "")] = LAYOUT + msgspec.msgpack.encode(seen)
    return out | dict.fromkeys(obsolete)


def find(log: str, changelog: Iterable[tuple[bytes, bytes | None]]) -> Found:
    """The entries of one partition of one log among those of a changelog."""
    prefix = f"{log}/".encode()
    generations: dict[int, dict[str, bytes]] = {}
    keys = []
    for key, value in changelog:
        if value is not None and key.startswith(prefix) and value[:8] == LAYOUT:
            owner, _, symbol = key[len(prefix) :].partition(b"/")
            generations.setdefault(int(owner), {})[symbol.decode()] = value[8:]
            keys.append(key)
    complete: Mapping[str, bytes] = {}
    for number in sorted(generations, reverse=True):
        if "" in generations[number]:
            complete = generations[number]
            break
    return Found(
        generation=max(generations, default=0) + 1,
        symbols=[
            (
                symbol,
                msgspec.msgpack.decode(value[:-_STATE_BYTES], type=str),
                value[-_STATE_BYTES:],
            )
            for symbol, value in complete.items()
            if symbol
        ],
        seen=msgspec.msgpack.decode(complete[""], type=Seen) if complete else Seen(),
        obsolete=keys,
    )


def _key(log: str, generation: int, symbol: str) -> bytes:
    return f"{log}/{generation}/{symbol}".encode()
