"""NYSE sessions: the clock of every session feature, horizon and forecast.

A tick belongs to the first session whose close is at or after it. So an evening or weekend tick of
bitcoin counts for the next session: its weekend moves are summed, never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

FIRST_SESSION = "1970-01-01"
PER_YEAR = 252


@dataclass(frozen=True)
class Sessions:
    """All sessions from 1970 to about a year ahead.

    close_ms : shape (n,), int64, increasing; official closes (half days included), ms since epoch, UTC.
    date     : shape (n,), datetime64[D]; the session's date in New York.
    """

    close_ms: npt.NDArray[np.int64]
    date: npt.NDArray[np.datetime64]

    @cached_property
    def yyyymmdd(self) -> npt.NDArray[np.int64]:
        """`date` as numbers such as 20190830."""
        month = self.date.astype("datetime64[M]")
        year = month.astype("datetime64[Y]").astype(np.int64) + 1970
        of_year = month.astype(np.int64) - (year - 1970) * 12 + 1
        of_month = (self.date - month.astype("datetime64[D]")).astype(np.int64) + 1
        dates: npt.NDArray[np.int64] = year * 10_000 + of_year * 100 + of_month
        return dates

    def index_at(self, event_ms: int) -> int:
        """Index of the session a moment belongs to; len(close_ms) when it is after the last one known."""
        return int(np.searchsorted(self.close_ms, event_ms, side="left"))


@cache
def nyse() -> Sessions:
    """The New York Stock Exchange, from exchange-calendars (imported late: it takes a second)."""
    import exchange_calendars

    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST_SESSION)
    closes = calendar.closes
    return Sessions(
        close_ms=closes.dt.tz_localize(None).to_numpy().astype("datetime64[ms]").astype(np.int64),
        date=closes.index.to_numpy().astype("datetime64[D]"),
    )
