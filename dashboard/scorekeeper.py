"""Scores that were given are kept: only what has come due since is scored, while a record grows for years."""

from __future__ import annotations

import bisect
from collections.abc import Mapping

from producers.sessions import Sessions
from training.forecast_log import Forecast
from training.said_and_done import Matured, matured

Key = tuple[str, int]  # symbol, session date
Closes = Mapping[str, Mapping[int, float]]


class Scorekeeper:
    """Scores of forecasts by symbol and session.

    A score is settled when its own symbol has a close at the end of the horizon or later: until then the close
    may still come, since symbols are read from partitions that do not wait for each other.
    """

    def __init__(self) -> None:
        self._settled: dict[Key, dict[int, Matured]] = {}  # by horizon

    def forget(self, symbol: str) -> None:
        """Score a symbol again: one of its closes was corrected."""
        self._settled = {key: value for key, value in self._settled.items() if key[0] != symbol}

    def scored(self, forecasts: Mapping[Key, Forecast], closes: Closes, sessions: Sessions) -> list[Matured]:
        """Every forecast whose horizon has ended, as training.said_and_done.matured gives them."""
        self._settled = {key: value for key, value in self._settled.items() if key in forecasts}
        newest = max((day for series in closes.values() for day in series), default=0)
        last = {symbol: max(series, default=0) for symbol, series in closes.items()}
        days = sessions.yyyymmdd.tolist()

        def ends(one: Forecast, horizon: int) -> int:
            """Session date at which a horizon ends; later than any close when the calendar does not reach it."""
            at = bisect.bisect_left(days, one.session_date) + horizon
            return int(days[at]) if at < len(days) else newest + 1

        due = {
            key: one
            for key, one in forecasts.items()
            if len(self._settled.get(key, ())) < len(one.horizons)
            and any(ends(one, h) <= newest for h in one.horizons if h not in self._settled.get(key, ()))
        }
        unsettled = []
        for row in matured(due.values(), closes, sessions):
            key = row.symbol, row.session_date
            known = self._settled.setdefault(key, {})
            if row.horizon in known:
                continue
            if ends(due[key], row.horizon) <= last[row.symbol]:
                known[row.horizon] = row
            else:
                unsettled.append(row)
        return [row for rows in self._settled.values() for row in rows.values()] + unsettled
