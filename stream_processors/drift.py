"""Drift of the 1-session forecasts: PIT values in, reports and retraining requests out. Pure.

Two detectors per asset: `scale` on |2u - 1| (too large: volatility is underestimated, too small: it is
overestimated) and `location` on u. Thresholds share one false-alarm budget, so that the whole system raises
a false alarm at most once in FAMILY_RUN_LENGTH sessions on average.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from stream_processors.e_detector import EDetector

SCHEMA = "drift/1"
FAMILY_RUN_LENGTH = 504.0  # sessions: two years
CONSECUTIVE = 2  # sessions a detector must stay above its threshold
COOLDOWN = 21  # sessions after a request during which no other is made

STATISTICS: dict[str, Callable[[float], float]] = {"scale": lambda u: abs(2 * u - 1), "location": lambda u: u}


class DriftReport(msgspec.Struct, frozen=True):
    """The state of one detector after one session."""

    asset: str
    detector: str
    value: float
    threshold: float
    alarm: bool
    triggers: bool  # this report asks for a retraining
    session_date: int  # yyyymmdd, whose outcome was scored
    pit: float
    model: str  # that made the forecast
    at_ms: int


@dataclass
class Monitor:
    """Detectors of all assets and the policy between an alarm and a request."""

    assets: list[str]
    cooldown_until: int = -1  # number of the session (counted by the monitor) until which no request is made
    _detectors: dict[tuple[str, str], EDetector] = field(default_factory=dict)
    _above: dict[tuple[str, str], int] = field(default_factory=dict)
    _dates: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        threshold = FAMILY_RUN_LENGTH * len(self.assets) * len(STATISTICS)
        for asset in self.assets:
            for name in STATISTICS:
                self._detectors[asset, name] = EDetector(threshold)

    def score(self, asset: str, session_date: int, pit: float, model: str, at_ms: int) -> list[DriftReport]:
        """Feed one PIT value (in (0, 1)) of an asset's session; sessions of an asset come in order."""
        if not self._dates or session_date > self._dates[-1]:
            self._dates.append(session_date)
        now = len(self._dates)
        reports = []
        for name, statistic in STATISTICS.items():
            key = (asset, name)
            detector = self._detectors[key]
            alarm = detector.update(statistic(pit))
            self._above[key] = self._above.get(key, 0) + 1 if alarm else 0
            triggers = self._above[key] >= CONSECUTIVE and now >= self.cooldown_until
            reports.append(
                DriftReport(
                    asset,
                    name,
                    detector.value,
                    detector.threshold,
                    alarm,
                    triggers,
                    session_date,
                    pit,
                    model,
                    at_ms,
                )
            )
            if triggers:
                self.cooldown_until = now + COOLDOWN
                self.reset()
        return reports

    def reset(self) -> None:
        """All detectors start over: what they saw belongs to the model that is being replaced."""
        for detector in self._detectors.values():
            detector.reset()
        self._above.clear()
