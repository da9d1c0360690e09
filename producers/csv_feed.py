"""Feed `csv`: daily closes from files; all but the last sessions as history, those replayed as live ticks."""

from __future__ import annotations

import csv
import hashlib
import math
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from producers.errors import FixAndRestart
from producers.sessions import Sessions, nyse
from producers.tick_batch import TickBatch
from producers.universe import Asset, Universe

NEW_YORK = ZoneInfo("America/New_York")
DAY_MS = 86_400_000


class CsvFeed:
    """Files `<id>.csv` with the columns date,close, oldest first."""

    name = "csv"

    def __init__(self, folder: Path, universe: Universe, replay_sessions: int, sessions_per_s: float) -> None:
        """Reads and validates every file at once. Raises FixAndRestart naming file, line and reason."""
        sessions = nyse()
        present = [asset for asset in universe.asset if (folder / asset.csv_name).is_file()]
        if not any(asset.kind == "price" for asset in present):
            names = ", ".join(asset.csv_name for asset in universe.asset)
            raise FixAndRestart(f"{folder}: expected CSV files named {names}; found no price file")
        self.missing = [asset.id for asset in universe.asset if asset not in present]
        series = [read_csv(folder / asset.csv_name, asset, sessions) for asset in present]
        everything = TickBatch(
            np.concatenate([ticks.symbol for ticks in series]),
            np.concatenate([ticks.event_ms for ticks in series]),
            np.concatenate([ticks.price for ticks in series]),
        )
        self._ticks = _take(everything, np.argsort(everything.event_ms, kind="stable"))
        self._pause_s = 1 / sessions_per_s
        last = sessions.index_at(int(self._ticks.event_ms[-1]))
        first_live = max(0, last - replay_sessions + 1)
        self._live_from_ms = int(sessions.close_ms[first_live - 1]) + 1 if replay_sessions else 2**53
        self._sessions = sessions

    def data_hash(self) -> str:
        digest = hashlib.sha256()
        for column in (self._ticks.symbol, self._ticks.event_ms, self._ticks.price):
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()[:16]

    def history(self) -> Iterator[TickBatch]:
        yield _take(self._ticks, np.flatnonzero(self._ticks.event_ms < self._live_from_ms))

    def live(self, after_ms: int) -> Iterator[TickBatch]:
        """One batch per session, at the speed asked for."""
        first = max(self._live_from_ms, after_ms + 1)
        rest = _take(self._ticks, np.flatnonzero(self._ticks.event_ms >= first))
        session = np.searchsorted(self._sessions.close_ms, rest.event_ms)
        due = time.monotonic()
        for index in np.unique(session):
            due += self._pause_s
            time.sleep(max(0.0, due - time.monotonic()))
            yield _take(rest, np.flatnonzero(session == index))


def _take(ticks: TickBatch, which: np.ndarray[tuple[int], np.dtype[np.int64]]) -> TickBatch:
    return TickBatch(ticks.symbol[which], ticks.event_ms[which], ticks.price[which])


def event_time(day: date, asset: Asset, sessions: Sessions) -> int:
    """When the close of `day` became known, ms since epoch.

    A session's close, or 16:00 New York on days without one. A 24/7 asset closes at the end of its UTC day,
    which is after New York's close: the tick then counts for the next session, as it was known only then.
    """
    if asset.calendar == "always":
        return (day.toordinal() - date(1970, 1, 1).toordinal() + 1) * DAY_MS
    at = int(np.searchsorted(sessions.date, np.datetime64(day)))
    if at < len(sessions.date) and sessions.date[at] == np.datetime64(day):
        return int(sessions.close_ms[at])
    return int(datetime(day.year, day.month, day.day, 16, tzinfo=NEW_YORK).timestamp() * 1000)


def read_csv(path: Path, asset: Asset, sessions: Sessions) -> TickBatch:
    """One file as ticks. Rows before 1970 are left out (there is no session calendar for them).

    Raises FixAndRestart naming file, line and reason.
    """
    times: list[int] = []
    prices: list[float] = []
    previous: date | None = None
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        try:
            columns = reader.fieldnames or ()
        except (csv.Error, UnicodeDecodeError) as error:
            raise FixAndRestart(f"{path}:1: not a CSV file in UTF-8: {error}") from error
        if not {"date", "close"} <= set(columns):
            raise FixAndRestart(f"{path}:1: expected the columns date,close, got {columns}")
        for line, row in enumerate(_rows(reader, path), 2):
            try:
                day = date.fromisoformat(row["date"])
            except (TypeError, ValueError) as error:
                raise FixAndRestart(
                    f"{path}:{line}: expected a date like 2019-12-31, got {row['date']!r}"
                ) from error
            try:
                price = float(row["close"])
            except (TypeError, ValueError) as error:
                raise FixAndRestart(
                    f"{path}:{line}: expected a number in close, got {row['close']!r}"
                ) from error
            if not math.isfinite(price) or (price <= 0 and asset.kind == "price"):
                raise FixAndRestart(f"{path}:{line}: close must be > 0, got {row['close']!r}")
            if previous is not None and day <= previous:
                raise FixAndRestart(f"{path}:{line}: dates must increase, got {day} after {previous}")
            previous = day
            if day.year >= 1970:
                times.append(event_time(day, asset, sessions))
                prices.append(price)
    if not times:
        raise FixAndRestart(f"{path}: no rows from 1970 on")
    return TickBatch(np.full(len(times), asset.symbol), np.array(times, dtype=np.int64), np.array(prices))


def _rows(reader: csv.DictReader[str], path: Path) -> Iterator[dict[str, str]]:
    """Rows of a reader. Raises FixAndRestart where the file is not CSV in UTF-8."""
    try:
        yield from reader
    except (csv.Error, UnicodeDecodeError) as error:
        raise FixAndRestart(f"{path}:{reader.line_num + 1}: not a CSV file in UTF-8: {error}") from error
