"""Whether the New York Stock Exchange is open: an old quote of a closed market is not stale."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from producers.sessions import Sessions

NEW_YORK = ZoneInfo("America/New_York")
OPENS = time(9, 30)  # on every session, half days included


def is_open(now_ms: int, sessions: Sessions) -> bool:
    """Whether a session is in progress at a moment."""
    at = bisect_left(sessions.close_ms, now_ms)
    if at >= len(sessions.close_ms):
        return False
    return now_ms >= opens_ms(sessions, at)


def opens_ms(sessions: Sessions, at: int) -> int:
    """Opening of session `at`, ms since epoch."""
    day = date.fromisoformat(str(sessions.date[at]))
    return int(datetime.combine(day, OPENS, NEW_YORK).astimezone(UTC).timestamp() * 1000)


def next_opening_ms(now_ms: int, sessions: Sessions) -> int | None:
    """The next opening after a moment; None when the calendar does not reach so far."""
    at = bisect_left(sessions.close_ms, now_ms)
    for position in (at, at + 1):
        if position < len(sessions.close_ms) and opens_ms(sessions, position) > now_ms:
            return opens_ms(sessions, position)
    return None
