"""Changelog entries of one partition: the state of each symbol and which records it has seen.

Each symbol carries the offset it contains, so symbols may be written one by one. The table of seen frames is
written last: after a crash in between it is never ahead of any symbol.

Every owner of a partition writes under a name of its own, one generation above what it found, and begins with
a full snapshot. A worker that lost the partition while it was frozen may still write, under its own name; without
that, its older symbols would mix with its successor's newer table. Of two owners that began from the same state
each has a whole one, and the one that has come further counts.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

import msgspec

from feature_repo.features import spec_hash
from stream_processors.kernel import layout
from stream_processors.state_version import STATE_VERSION

# Snapshots of another layout are never read. The consumer group and its changelog are named after the layout
# too (state_version.py), so a new layout starts from the beginning of the log.
LAYOUT = hashlib.sha256(f"{STATE_VERSION}|{layout.STATE_SIZE}|{spec_hash()}".encode()).digest()[:8]

_STATE_BYTES = layout.STATE_SIZE * 8

Entries = dict[bytes, bytes | None]  # None deletes


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """Which records a partition has seen."""

    offset: int = -1  # newest record
    last_seq: dict[str, int] = {}  # epoch -> newest sequence number


class Owner(msgspec.Struct, frozen=True):
    """Who writes. Generations count owners that followed each other; the token tells apart those that did not."""

    generation: int
    token: str

    def __str__(self) -> str:
        return f"{self.generation}.{self.token}"


def new_owner(generation: int = 1) -> Owner:
    """An owner that nobody else is."""
    return Owner(generation, secrets.token_hex(4))


class Found(msgspec.Struct, frozen=True):
    """What a predecessor left."""

    owner: Owner  # the next one
    symbols: list[tuple[str, str, bytes]]  # symbol, feed, state
    seen: Seen
    obsolete: list[bytes]  # keys to delete once the next owner has written its own


def entries(
    log: str,
    owner: Owner,
    symbols: Iterable[tuple[str, str, bytes]],
    seen: Seen,
    obsolete: Iterable[bytes],
) -> Entries:
    """What is written, in this order."""
    out: Entries = {
        _key(log, owner, symbol): LAYOUT + msgspec.msgpack.encode(feed) + state
        for symbol, feed, state in symbols
    }
    out[_key(log, owner, "")] = LAYOUT + msgspec.msgpack.encode(seen)
    return out | dict.fromkeys(obsolete)


def find(log: str, changelog: Iterable[tuple[bytes, bytes | None]]) -> Found:
    """The entries of one partition of one log among those of a changelog."""
    prefix = f"{log}/".encode()
    owners: dict[Owner, dict[str, bytes]] = {}
    keys = []
    for key, value in changelog:
        if value is not None and key.startswith(prefix) and value[:8] == LAYOUT:
            name, _, symbol = key[len(prefix) :].decode().partition("/")
            generation, _, token = name.partition(".")
            owners.setdefault(Owner(int(generation), token), {})[symbol] = value[8:]
            keys.append(key)
    whole = [
        (owner.generation, msgspec.msgpack.decode(left[""], type=Seen), left)
        for owner, left in owners.items()
        if "" in left
    ]
    _, seen, left = max(whole, key=lambda one: (one[0], one[1].offset), default=(0, Seen(), {}))
    return Found(
        owner=new_owner(max((owner.generation for owner in owners), default=0) + 1),
        symbols=[
            (symbol, msgspec.msgpack.decode(value[:-_STATE_BYTES], type=str), value[-_STATE_BYTES:])
            for symbol, value in left.items()
            if symbol
        ],
        seen=seen,
        obsolete=keys,
    )


def _key(log: str, owner: Owner, symbol: str) -> bytes:
    return f"{log}/{owner}/{symbol}".encode()
