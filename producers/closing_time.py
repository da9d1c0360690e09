"""When the close of a calendar day became known: daily data name a day, ticks need a moment."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np

from producers.sessions import NEW_YORK, Sessions
from producers.universe import Asset

DAY_MS = 86_400_000


def closing_time(day: date, asset: Asset, sessions: Sessions) -> int:
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
