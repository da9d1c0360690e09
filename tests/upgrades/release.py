"""A folder that a release left: its parts, and what its readers must find in them.

release.json    which release, and the values that were written
offline/        Parquet, as the worker writes it
models/         a model without LSTM, promoted
changelog.json  entries of one partition: key and value in base64, the value compressed
online.json     one Redis hash: key, fields and values in base64
topics.json     a value of every topic, as its writer encodes it
"""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
SYMBOL = "GC=F"


class Release(msgspec.Struct, frozen=True):
    """Versions of the data, and values of SYMBOL that a reader must find."""

    spec_hash: str
    layout: str  # of the rolling state, hex
    artefact: str
    log: str  # identity of the source log
    next_offset: int  # first record that is not in the rolling state
    price: float  # newest, of the session in progress
    next_price: float  # one that follows
    closes: dict[int, float]  # of the sessions in the offline store, by yyyymmdd
    window: list[float]  # end of that of the newest of these
    momentum: float  # momentum_252 of the online row
    version: str  # of the model
    quantiles: list[list[float]]  # what the model forecasts from the online row, a list per horizon


class TopicValue(msgspec.Struct, frozen=True):
    """A record: `schema` is its header, `value` the bytes of its JSON as text."""

    topic: str
    schema: str
    value: str


class OnlineHash(msgspec.Struct, frozen=True):
    """A Redis hash. msgspec writes bytes as base64."""

    key: bytes
    fields: list[tuple[bytes, bytes]]


def folders() -> list[Path]:
    """Of every release so far, oldest first."""
    return sorted(HERE.glob("released-*"), key=lambda path: int(path.name.rpartition("-")[2]))


def write(folder: Path, name: str, value: object) -> None:
    """A part of a release, as JSON."""
    (folder / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(value)) + b"\n")


def release(folder: Path) -> Release:
    """Which release, and what was written."""
    return msgspec.json.decode((folder / "release.json").read_bytes(), type=Release)


def topic_values(folder: Path) -> list[TopicValue]:
    """One of every topic."""
    return msgspec.json.decode((folder / "topics.json").read_bytes(), type=list[TopicValue])


def online_hash(folder: Path) -> OnlineHash:
    """The row of SYMBOL."""
    return msgspec.json.decode((folder / "online.json").read_bytes(), type=OnlineHash)


def changelog(folder: Path) -> list[tuple[bytes, bytes | None]]:
    """Entries of the rolling state."""
    packed = msgspec.json.decode((folder / "changelog.json").read_bytes(), type=list[tuple[bytes, bytes]])
    return [(key, zlib.decompress(value)) for key, value in packed]


def pack_changelog(entries: dict[bytes, bytes | None]) -> list[tuple[bytes, bytes]]:
    """As `changelog` reads it."""
    return [(key, zlib.compress(value, 9)) for key, value in entries.items() if value is not None]
