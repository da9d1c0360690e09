"""US consumer prices (CPI-U, not seasonally adjusted) with the moment each month became known.

Using the month's own date would look ahead: the index of month m is published in the middle of m+1.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from producers.errors import FixAndRestart

SNAPSHOT = Path(__file__).with_name("cpi_snapshot.csv")  # US Bureau of Labor Statistics, public domain
RELEASE_DAY = 15  # of the following month; the bureau publishes between the 10th and the 15th


@dataclass(frozen=True)
class Cpi:
    """Monthly index.

    month : shape (n,), datetime64[M], consecutive.    level : shape (n,), > 0.
    known : shape (n,), datetime64[D], the day from which the value may be used.
    """

    month: npt.NDArray[np.datetime64]
    level: npt.NDArray[np.float64]
    known: npt.NDArray[np.datetime64]

    def known_at(self, day: np.datetime64) -> Cpi:
        """Only what was published by `day`."""
        n = int(np.searchsorted(self.known, day, side="right"))
        return Cpi(self.month[:n], self.level[:n], self.known[:n])


def load_cpi(path: Path = SNAPSHOT) -> Cpi:
    """Read a `date,close` CSV of month ends. Raises FixAndRestart naming file, line and reason."""
    months: list[np.datetime64] = []
    levels: list[float] = []
    with path.open(newline="", encoding="utf-8") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            try:
                month, level = np.datetime64(row["date"][:7], "M"), float(row["close"])
            except (KeyError, TypeError, ValueError) as error:
                raise FixAndRestart(f"{path}:{line}: expected date,close, got {row}") from error
            if not (math.isfinite(level) and level > 0):
                raise FixAndRestart(f"{path}:{line}: the index must be > 0, got {level}")
            if months and month != months[-1] + 1:
                raise FixAndRestart(f"{path}:{line}: expected month {months[-1] + 1}, got {month}")
            months.append(month)
            levels.append(level)
    if not months:
        raise FixAndRestart(f"{path}: no rows; expected date,close per month")
    month_column = np.array(months, dtype="datetime64[M]")
    known = (month_column + 1).astype("datetime64[D]") + (RELEASE_DAY - 1)
    return Cpi(month_column, np.array(levels), known)
