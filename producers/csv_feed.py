"""Feed `csv`: daily closes from files; all but the last sessions as history, those replayed as live ticks.

They are final: a file gives the same bars whatever part of it is replayed, so no jump in it waits for the next close.
"""

from __future__ import annotations

import csv
import hashlib
import time
from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np

from producers.closing_time import closing_time
from producers.errors import FixAndRestart
from producers.feed import quiet
from producers.feed_report import Condition
from producers.sessions import Sessions, missing_sessions, nyse
from producers.tick import MAX_PRICE, MAX_RATE
from producers.tick_batch import TickBatch
from producers.universe import Asset, Universe


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
            settled=True,
        )
        self._ticks = everything.take(np.argsort(everything.event_ms, kind="stable"))
        self.gaps = {
            asset.symbol: missing_sessions(ticks.event_ms)
            for asset, ticks in zip(present, series, strict=True)
            if asset.kind == "price"
        }
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

    def condition(self) -> Condition:
        """Always live; sessions without a row are reported as gaps."""
        return Condition(gaps=self.gaps)

    def history(self, through_ms: int = 0) -> Iterator[TickBatch]:
        until = max(self._live_from_ms, through_ms + 1)
        yield self._ticks.take(self._ticks.event_ms < until)

    def live(self, newest: Mapping[str, int]) -> Iterator[TickBatch]:
        """One batch per session, at the speed asked for."""
        after_ms = min(newest.values(), default=0)
        first = max(self._live_from_ms, after_ms + 1)
        rest = self._ticks.take(self._ticks.event_ms >= first)
        session = np.searchsorted(self._sessions.close_ms, rest.event_ms)
        due = time.monotonic()
        for index in np.unique(session):
            due += self._pause_s
            yield from quiet(partial(_until, due))
            yield rest.take(session == index)


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
            if not (abs(price) <= MAX_RATE if asset.kind == "rate" else 0 < price <= MAX_PRICE):
                wanted = (
                    f"within {MAX_RATE:g} % per year"
                    if asset.kind == "rate"
                    else f"> 0 and at most {MAX_PRICE:g}"
                )
                raise FixAndRestart(f"{path}:{line}: close must be {wanted}, got {row['close']!r}")
            if previous is not None and day <= previous:
                raise FixAndRestart(f"{path}:{line}: dates must increase, got {day} after {previous}")
            previous = day
            if day.year >= 1970:
                times.append(closing_time(day, asset, sessions))
                prices.append(price)
    if not times:
        raise FixAndRestart(f"{path}: no rows from 1970 on")
    return TickBatch(np.full(len(times), asset.symbol), np.array(times, dtype=np.int64), np.array(prices))


def _until(due: float) -> float:
    return due - time.monotonic()


def _rows(reader: csv.DictReader[str], path: Path) -> Iterator[dict[str, str]]:
    """Rows of a reader. Raises FixAndRestart where the file is not CSV in UTF-8."""
    try:
        yield from reader
    except (csv.Error, UnicodeDecodeError) as error:
        raise FixAndRestart(f"{path}:{reader.line_num + 1}: not a CSV file in UTF-8: {error}") from error
