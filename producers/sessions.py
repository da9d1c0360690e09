"""NYSE sessions: the clock of every session feature, horizon and forecast.

A tick belongs to the first session whose close is at or after it. So an evening or weekend tick of
bitcoin counts for the next session: its weekend moves are summed, never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

FIRST_SESSION = "1970-01-01"
PER_YEAR = 252
NEW_YORK = ZoneInfo("America/New_York")
FRIDAY, SATURDAY, SUNDAY = 4, 5, 6
POST_MARKET_ENDS, FUTURES_BEGIN = 20, 18  # hours in New York


@dataclass(frozen=True)
class Sessions:
    """All sessions from 1970 to about a year ahead.

    close_ms : shape (n,), int64, increasing; official closes (half days included), ms since epoch, UTC.
    date     : shape (n,), datetime64[D]; the session's date in New York.
    open_ms  : shape (n,), int64; official openings, ms since epoch, UTC.
    """

    close_ms: npt.NDArray[np.int64]
    date: npt.NDArray[np.datetime64]
    open_ms: npt.NDArray[np.int64]

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

    def is_open(self, event_ms: int) -> bool:
        """Whether the exchange trades at a moment."""
        index = self.index_at(event_ms)
        return index < len(self.open_ms) and event_ms >= int(self.open_ms[index])

    def is_weekend(self, event_ms: int) -> bool:
        """Whether nothing that keeps these sessions is quoted: from Friday's post-market trade to Sunday's futures.

        Not on holidays: the exchange is closed, but futures trade for a part of most of them.
        """
        at = datetime.fromtimestamp(event_ms / 1000, NEW_YORK)
        day, hour = at.weekday(), at.hour
        return (
            day == SATURDAY
            or (day == FRIDAY and hour >= POST_MARKET_ENDS)
            or (day == SUNDAY and hour < FUTURES_BEGIN)
        )


@cache
def nyse() -> Sessions:
    """The New York Stock Exchange, from exchange-calendars (imported late: it takes a second)."""
    import exchange_calendars

    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST_SESSION)
    closes = calendar.closes

    def ms(moments: Any) -> npt.NDArray[np.int64]:
        column: npt.NDArray[np.int64] = (
            moments.dt.tz_localize(None).to_numpy().astype("datetime64[ms]").astype(np.int64)
        )
        return column

    return Sessions(
        close_ms=ms(closes), date=closes.index.to_numpy().astype("datetime64[D]"), open_ms=ms(calendar.opens)
    )


def missing_sessions(event_ms: npt.NDArray[np.int64]) -> list[int]:
    """Sessions between the first and the last event in which nothing happened, yyyymmdd.

    event_ms : shape (n,), increasing.
    """
    sessions = nyse()
    index = np.unique(np.searchsorted(sessions.close_ms, event_ms))
    missing = np.setdiff1d(np.arange(index[0], index[-1]), index)
    return [int(day) for day in sessions.yyyymmdd[missing]]


def session_number(date: int) -> int:
    """Position of a session date (yyyymmdd) in the NYSE calendar; of other dates, of the next session."""
    return int(np.searchsorted(nyse().yyyymmdd, date))
