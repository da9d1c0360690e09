"""US consumer prices (CPI-U, not seasonally adjusted) with the moment each month became known.

Using the month's own date would look ahead: the index of month m is published in the middle of m+1.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from producers.errors import FixAndRestart
from producers.settings import StateFolder
from producers.tick import MAX_PRICE

SNAPSHOT = Path(__file__).with_name("cpi_snapshot.csv")  # US Bureau of Labor Statistics, public domain
DOWNLOADED = "cpi.csv"  # in the state folder, written by the producer
# Of the following month. The Bureau publishes between the 10th and the 15th; until 2016 some months came as late as
# the 26th. Later than the truth is harmless, earlier would look ahead.
RELEASE_DAY, RELEASE_DAY_BEFORE = 15, 26
EARLY_RELEASES_FROM = np.datetime64("2017-01", "M")
MAX_MISSING = 2  # months in a row: in the autumn of 2025 one was never published
LATE_RELEASES = {
    "2013-09": "2013-10-30",
    "2013-10": "2013-11-20",
    "2025-09": "2025-10-24",
    "2025-11": "2025-12-18",
}


@dataclass(frozen=True)
class Cpi:
    """Monthly index.

    month : shape (n,), datetime64[M], consecutive.    level : shape (n,), > 0.
    known : shape (n,), datetime64[D], the day from which the value may be used.
    filled : months that were never published; their level lies between their neighbours', known with the later one.
    source : snapshot, fred or file.
    """

    month: npt.NDArray[np.datetime64]
    level: npt.NDArray[np.float64]
    known: npt.NDArray[np.datetime64]
    filled: tuple[str, ...] = ()
    source: str = "snapshot"

    def known_at(self, day: np.datetime64) -> Cpi:
        """Only what was published by `day`."""
        n = int(np.searchsorted(self.known, day, side="right"))
        return Cpi(self.month[:n], self.level[:n], self.known[:n], self.filled, self.source)


def load_cpi(path: Path | None = None) -> Cpi:
    """Read a `date,close` CSV of months; without a path the download of the state folder, else the snapshot.

    Raises FixAndRestart naming file, line and reason; a download that cannot be read is passed over.
    """
    if path is not None:
        return parse_cpi(
            path.read_text(encoding="utf-8"), str(path), "snapshot" if path == SNAPSHOT else "file"
        )
    shipped = load_cpi(SNAPSHOT)
    try:
        downloaded = StateFolder().state_dir / DOWNLOADED
        latest = parse_cpi(downloaded.read_text(encoding="utf-8"), str(downloaded), "fred")
    except (OSError, UnicodeDecodeError, FixAndRestart):
        return shipped
    return latest if latest.month[-1] > shipped.month[-1] else shipped


def parse_cpi(text: str, where: str, source: str = "file") -> Cpi:
    """Months from CSV text: FRED's `observation_date,CPIAUCNS` or `date,close`, with a column `known` if there is one.

    An empty value or "." is a month that was not published. Raises FixAndRestart.
    """
    months: list[np.datetime64] = []
    levels: list[float] = []
    known: list[np.datetime64] = []
    filled: list[str] = []
    reader = csv.DictReader(io.StringIO(text))
    columns = list(reader.fieldnames or ())
    if len(columns) < 2 or "date" not in columns[0].lower():
        raise FixAndRestart(
            f"{where}:1: expected the columns date,close or observation_date,CPIAUCNS, got {columns}"
        )
    day, value = columns[:2]
    for line, row in enumerate(reader, 2):
        if (row[value] or "").strip() in ("", "."):
            continue
        try:
            month, level = np.datetime64(row[day][:7], "M"), float(row[value])
            release = np.datetime64(row["known"], "D") if row.get("known") else _release(month)
        except (TypeError, ValueError) as error:
            raise FixAndRestart(f"{where}:{line}: expected {day},{value}, got {row}") from error
        if not 0 < level <= MAX_PRICE:
            raise FixAndRestart(
                f"{where}:{line}: the index must be > 0 and at most {MAX_PRICE:g}, got {level}"
            )
        if months:
            missing = len(np.arange(months[-1], month)) - 1
            if not 0 <= missing <= MAX_MISSING:
                raise FixAndRestart(
                    f"{where}:{line}: expected month {months[-1] + 1} (at most {MAX_MISSING} may be missing), got {month}"
                )
            before, last = levels[-1], months[-1]
            for step in range(1, missing + 1):
                months.append(last + step)
                levels.append(before * (level / before) ** (step / (missing + 1)))
                known.append(release)
                filled.append(str(last + step))
        months.append(month)
        levels.append(level)
        known.append(max(release, known[-1]) if known else release)
    if not months:
        raise FixAndRestart(f"{where}: no rows; expected date,close per month")
    return Cpi(
        np.array(months, dtype="datetime64[M]"),
        np.array(levels),
        np.array(known, dtype="datetime64[D]"),
        tuple(filled),
        source,
    )


def _release(month: np.datetime64) -> np.datetime64:
    """From when on a month may be used, if nobody has seen it appear."""
    if str(month) in LATE_RELEASES:
        return np.datetime64(LATE_RELEASES[str(month)], "D")
    day = RELEASE_DAY if month >= EARLY_RELEASES_FROM else RELEASE_DAY_BEFORE
    return np.datetime64((month + 1).astype("datetime64[D]") + (day - 1), "D")
