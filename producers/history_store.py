"""Histories on disk: one Parquet file per symbol and content, named by its hash, so that a model can name its data.

A file is never changed. `current.json` says which one counts for each symbol; older ones are kept for the models
that were trained on them, up to KEPT per symbol.
"""

from __future__ import annotations

import fcntl
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

KEPT = 30
CURRENT = "current.json"
LOCK = ".lock"
# Yahoo computes adjusted prices anew for every answer: they differ in the last digits without any reason.
REVISED = 1e-5


@dataclass(frozen=True)
class History:
    """Closes of one symbol, oldest first.

    event_ms : shape (n,), int64, strictly increasing, when each became known, ms since epoch, UTC.
    price    : shape (n,), float64, finite; adjusted for splits and dividends.
    """

    symbol: str
    event_ms: npt.NDArray[np.int64]
    price: npt.NDArray[np.float64]
    currency: str = ""
    fetched_ms: int = 0

    @property
    def hash(self) -> str:
        """Sixteen hex digits of the content."""
        digest = hashlib.sha256(f"{self.symbol} {self.currency}".encode())
        digest.update(np.ascontiguousarray(self.event_ms, dtype="<i8").tobytes())
        digest.update(np.ascontiguousarray(self.price, dtype="<f8").tobytes())
        return digest.hexdigest()[:16]

    def merged(self, newer: History) -> tuple[History, int]:
        """This history brought up to date, and how many of its closes the newer one has revised."""
        at = np.searchsorted(newer.event_ms, self.event_ms)
        at_or_last = np.minimum(at, len(newer.event_ms) - 1)
        common = newer.event_ms[at_or_last] == self.event_ms
        now = newer.price[at_or_last]
        revised = common & (np.abs(now - self.price) > REVISED * np.maximum(np.abs(self.price), 1e-9))
        price = np.where(common, now, self.price) if revised.any() else self.price
        added = ~np.isin(newer.event_ms, self.event_ms)
        event_ms = np.concatenate([self.event_ms, newer.event_ms[added]])
        order = np.argsort(event_ms, kind="stable")
        both = replace(
            newer, event_ms=event_ms[order], price=np.concatenate([price, newer.price[added]])[order]
        )
        return both, int(revised.sum())


class HistoryStore:
    """The histories of one feed in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self) -> dict[str, str]:
        """Hash of each symbol's history."""
        try:
            return msgspec.json.decode((self.folder / CURRENT).read_bytes(), type=dict[str, str])
        except (OSError, msgspec.DecodeError):
            return {}

    def version(self) -> str:
        """Names all histories together."""
        text = " ".join(f"{symbol}={name}" for symbol, name in sorted(self.current().items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def read(self, symbol: str, name: str | None = None) -> History | None:
        """The history that counts, or the one with this hash; None where there is none that is whole."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        name = name or self.current().get(symbol)
        if name is None:
            return None
        try:
            table = pq.read_table(self._path(symbol, name))
        except (OSError, pa.ArrowInvalid):
            return None
        about = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        found = History(
            symbol,
            table["event_ms"].to_numpy(),
            table["price"].to_numpy(),
            about.get("currency", ""),
            int(about.get("fetched_ms", 0)),
        )
        return found if found.hash == name else None

    def write(self, history: History) -> None:
        """Keep a history and let it count. A crash leaves the old one or the new one; writers wait for each other."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._write(history)

    def _write(self, history: History) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._path(history.symbol, history.hash)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            table = pa.table({"event_ms": history.event_ms, "price": history.price})
            about = {"currency": history.currency, "fetched_ms": str(history.fetched_ms)}
            scratch = path.with_suffix(".new")
            pq.write_table(table.replace_schema_metadata(about), scratch)
            scratch.replace(path)
        scratch = self.folder / f"{CURRENT}.new"
        scratch.write_bytes(msgspec.json.encode(self.current() | {history.symbol: history.hash}))
        scratch.replace(self.folder / CURRENT)
        files = sorted(path.parent.glob("*.parquet"), key=lambda one: one.stat().st_mtime_ns)
        for old in files[:-KEPT]:
            old.unlink(missing_ok=True)

    def _path(self, symbol: str, name: str) -> Path:
        return self.folder / symbol.replace("^", "_").replace("=", "_") / f"{name}.parquet"
