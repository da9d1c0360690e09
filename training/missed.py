"""Every session of an asset is forecast once: also one that closed while no service ran, and one that is told twice."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from stream_processors.messages import Features
from training.artefact import CHAMPION
from training.champion import Champion
from training.forecast_log import Forecast

LOOK_BACK_MS = 60_000  # clocks of broker and service


class Missed:
    """Sessions that closed while no service ran: their rows are still in `features.rolling` for a day."""

    def __init__(self, rows: Any, past: Iterable[Forecast]) -> None:
        """Moves the consumer back to just before the newest forecast; to the end when there is none."""
        partitions = list(rows.assignment())
        self._started_ms = int(time.time() * 1000)
        self._logged: dict[str, int] = {}  # symbol -> newest session forecast
        made_ms = 0
        for one in past:
            if one.role == CHAMPION:
                self._logged[one.symbol] = max(one.session_date, self._logged.get(one.symbol, 0))
                made_ms = max(made_ms, one.made_ms)
        rows.seek_to_end()
        if made_ms:
            found = rows.offsets_for_times(dict.fromkeys(partitions, made_ms - LOOK_BACK_MS))
            for partition, at in found.items():
                if at is not None:
                    rows.seek(partition, at.offset)

    def wanted(self, appended_ms: int, message: Features, champion: Champion) -> bool:
        """Whether a row is to be forecast, which it is after this said so.

        Not one of a session that was forecast before: workers send a row again when they change places. One from
        before our start only by a model that knows nothing of the sessions after it.
        """
        known = int(champion.manifest.as_of_session.replace("-", ""))
        if message.session_date <= self._logged.get(message.symbol, 0):
            return False
        if appended_ms < self._started_ms and message.session_date < known:
            return False
        self._logged[message.symbol] = message.session_date
        return True
