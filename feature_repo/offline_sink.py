"""Appending final feature rows to the offline store: one Parquet file per year and Kafka partition.

Writing is an upsert by symbol and session, so a record that is replayed after a crash changes nothing, and
a corrected session replaces its row. Each file has one writer (the owner of the partition) and is replaced
atomically, so readers never see half a file. A worker that was frozen while its partition moved may be a second
writer for a moment: who finds the file changed since it was read reads it again. (With a lock, a worker that is
frozen while it holds it would stop the new owner.)
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.features import NUMERIC_NAMES, PROVENANCE, WINDOW

log = logging.getLogger(__name__)

MANY_FILES = 4
SCHEMA = pa.schema(
    [
        ("symbol", pa.string()),
        ("event_timestamp", pa.timestamp("us", tz="UTC")),
        ("created_timestamp", pa.timestamp("us", tz="UTC")),
        *((name, pa.float64()) for name in NUMERIC_NAMES),
        (WINDOW.name, pa.list_(pa.float64())),
        *((feature.name, pa.int64() if feature.dtype == "int64" else pa.string()) for feature in PROVENANCE),
    ]
)


def to_table(
    symbols: Sequence[str],
    close_ms: npt.NDArray[np.int64],
    rows: npt.NDArray[np.float64],
    provenance: dict[str, Sequence[Any]],
) -> pa.Table:
    """Final rows as a table of the offline schema.

    close_ms : shape (n,), official closes, ms since epoch, UTC; the moment the row became known.
    rows     : shape (n, ROW_SIZE), kernel rows; NaN becomes null.
    """
    numeric = len(NUMERIC_NAMES)
    columns: list[Any] = [pa.array(symbols, pa.string()), pa.array(close_ms * 1000, SCHEMA.field(1).type)]
    columns.append(pa.array(np.array(provenance["seen_ms"], dtype=np.int64) * 1000, SCHEMA.field(2).type))
    columns += [pa.array(rows[:, column], from_pandas=True) for column in range(numeric)]
    windows = rows[:, numeric:]
    columns.append(
        pa.array(
            [None if np.isnan(window[0]) else window for window in windows], SCHEMA.field(WINDOW.name).type
        )
    )
    columns += [pa.array(provenance[feature.name], SCHEMA.field(feature.name).type) for feature in PROVENANCE]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def upsert(folder: Path, partition: int, table: pa.Table) -> None:
    """Write rows into the files of their years, replacing rows of the same symbol and session.

    They are on the disk before they get their names: the machine's end must not leave a name with half a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    years = pc.year(table["event_timestamp"])
    waiting = {
        folder / f"{year}-p{partition:04d}.parquet": table.filter(pc.equal(years, year))
        for year in sorted(pc.unique(years).to_pylist())
    }
    while waiting:
        many = len(waiting) > MANY_FILES
        written = {path: _merged(path, rows, at_once=not many) for path, rows in waiting.items()}
        if many:
            os.sync()  # of a history: one after the other they would wait for the disk fifty times
        waiting = {path: waiting[path] for path, new in written.items() if not _renamed(path, new)}
    # A thread keeps what it once needed for Arrow, and a year's file grows all year: a worker would, too.
    pa.default_memory_pool().release_unused()


@dataclass(frozen=True)
class Merged:
    """A file that is to take the place of another."""

    scratch: Path
    before: tuple[int, int] | None  # the version that it was merged with


def _merged(path: Path, rows: pa.Table, at_once: bool) -> Merged:
    """The rows of a file with new ones, beside it. at_once : on the disk when this returns."""
    before = _version(path)
    if before and (held := _held(path)) is not None:
        rows = pa.concat_tables([held, rows])
    elif before:
        before = None  # it is out of the way now
    newest = (
        rows.select(["symbol", "event_timestamp"])
        .append_column("position", pa.array(np.arange(len(rows))))
        .group_by(["symbol", "event_timestamp"], use_threads=False)
        .aggregate([("position", "max")])
    )
    # Readers of the folder pass over names that begin with a dot.
    for left_over in path.parent.glob(f".{path.stem}.*.tmp"):
        left_over.unlink(missing_ok=True)
    scratch = path.with_name(f".{path.stem}.{os.getpid()}.tmp")
    with scratch.open("wb") as file:
        pq.write_table(rows.take(pa.array(np.sort(newest["position_max"].to_numpy()))), file)
        if at_once:
            file.flush()
            os.fsync(file.fileno())
    return Merged(scratch, before)


def _renamed(path: Path, new: Merged) -> bool:
    """Put a merged file in its place; False when another writer was faster."""
    if _version(path) != new.before:
        return False
    try:
        new.scratch.replace(path)
    except FileNotFoundError:  # the other writer has taken ours for a left-over
        return False
    return True


def _held(path: Path) -> pa.Table | None:
    """What a file holds. One that cannot be read is moved aside, so that the stream goes on without its rows."""
    try:
        # Not ahead, which Arrow's own threads would do: what they need they keep.
        return pq.read_table(path, schema=SCHEMA, use_threads=False, pre_buffer=False)
    except (pa.ArrowInvalid, OSError) as error:
        if getattr(error, "errno", None) is not None:
            raise  # the disk's trouble and not the file's: to be tried again
        broken = path.with_name(f".{path.name}.broken")
        path.replace(broken)
        log.error(
            "%s cannot be read (%s) and is kept as %s: rows of its year and partition are missing until the producer"
            " publishes the whole past again, which it does every half week, or until a backup is put in its place",
            path, error, broken.name,
        )  # fmt: skip
        return None


def _version(path: Path) -> tuple[int, int] | None:
    """Changes whenever the file is replaced; None when there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns
