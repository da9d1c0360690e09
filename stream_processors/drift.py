"""Drift of the forecasts: scored sessions in, the state of every detector out. Pure.

Per asset `scale` on |2u - 1| (too large: volatility is underestimated, too small: it is overestimated) and
`location` on u, where u is the level at which the outcome of one session fell; and `level` on the long-run
volatility of all assets together; and `lstm_loss` on what the LSTM adds to the pool's loss, scored when a session
matures. Their thresholds share one false-alarm budget, so that the whole system
raises a false alarm at most once in FAMILY_RUN_LENGTH sessions on average. What is done about an alarm is
decided in policy.py. Every LOOK_EVERY sessions the distributions of moves are compared with the past, which
informs a reader and asks for nothing; so do the known detectors beside ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from stream_processors import feature_drift
from stream_processors.e_detector import BETS, EDetector
from stream_processors.known_detectors import Known
from stream_processors.level import LONGEST_PAST, LevelDetector
from stream_processors.matching import Scored

SCHEMA = "drift/1"
FAMILY_RUN_LENGTH = 504.0  # sessions: two years
LEVEL_SHARE = 0.85  # of the budget, for the level of volatility where there is one; the assets' detectors share the rest
LOSS_SHARE = 0.05  # of the budget, for what the LSTM adds to the loss: a bad one is also found by the others
EVERYTHING = "all"  # the asset name of what is not about a single asset
LEVEL = "level"
LSTM_LOSS = "lstm_loss"
LOSS_BETS = BETS[BETS > 0]  # an LSTM that does better than its absence is no reason for an alarm
LOOK_EVERY = 21  # sessions between two looks at the distributions of moves, which only inform

# Of each asset: in [0, 1], with mean 1/2 while the forecasts are right, when u is uniform.
STATISTICS: dict[str, Callable[[float], float]] = {
    "scale": lambda u: abs(2 * u - 1),
    "location": lambda u: u,
}


class DriftReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of one detector after one session.

    `window` counts the sessions since the detector started over; `bar` and `forecast` are the log records
    (topic[partition]@offset) that this session was scored from.
    """

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
    window: int = 0
    bar: str = ""
    forecast: str = ""
    informs: bool = False  # shown for comparison; never asks for anything
    policy: dict[str, Any] | None = None  # of detector `policy`: event, state, request and reason


@dataclass
class Monitor:
    """Detectors of all assets.

    closes : asset -> session date -> close, of every final bar so far; kept up to date by the caller.
    """

    assets: list[str]
    closes: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    run_length: float = FAMILY_RUN_LENGTH
    look_every: int = LOOK_EVERY  # 0: never
    known: Mapping[str, Callable[[], Known]] = field(default_factory=dict)  # detectors that only inform
    _detectors: dict[tuple[str, str], EDetector] = field(default_factory=dict)
    _level: LevelDetector | None = None
    _garch: dict[str, tuple[float, ...]] = field(default_factory=dict)
    _loss: EDetector = field(init=False)
    _known: dict[tuple[str, str], Known] = field(default_factory=dict)
    _open: dict[str, Scored] = field(default_factory=dict)  # outcomes of the session that is not complete yet
    _window: dict[tuple[str, str], int] = field(default_factory=dict)
    _model: str = ""
    _sessions: int = 0

    def __post_init__(self) -> None:
        for asset in self.assets:
            for name in STATISTICS:
                self._detectors[asset, name] = EDetector(np.inf)
        self._divide(0.0)
        self._loss = EDetector(self.run_length / LOSS_SHARE, LOSS_BETS)

    def score(self, asset: str, scored: Scored, at_ms: int) -> list[DriftReport]:
        """Feed one outcome; sessions of an asset come in order."""
        reports: list[DriftReport] = []
        newest = max((one.session_date for one in self._open.values()), default=scored.session_date)
        if scored.session_date > newest:  # some asset had no price in the session before
            reports += self._close_session(at_ms)
        if scored.model != self._model:
            self._model = scored.model
            self.reset()
            self._level, self._garch = None, {}
            self._divide(0.0)
        if scored.garch:
            self._garch[asset] = scored.garch
        for name, statistic in STATISTICS.items():
            detector = self._detectors[asset, name]
            alarm = detector.update(statistic(scored.pit))
            reports.append(
                self._report(asset, name, detector.value, detector.threshold, alarm, scored, at_ms)
            )
        reports += self._beside(asset, scored, at_ms)
        if scored.session_date >= newest:
            self._open[asset] = scored
            if len(self._open) == len(self.assets):
                reports += self._close_session(at_ms)
        return reports

    def _divide(self, level_share: float) -> None:
        """The assets' detectors share what the level of volatility leaves: nothing is kept for one that is not there."""
        threshold = self.run_length * len(self._detectors) / (1 - level_share - LOSS_SHARE)
        for detector in self._detectors.values():
            detector.threshold = threshold

    def reset(self) -> None:
        """All detectors start over: what they saw belongs to the model that is being replaced."""
        for one in self._detectors.values():
            one.reset()
        self._loss.reset()
        if self._level is not None:
            self._level.reset()
        self._known.clear()
        self._window.clear()

    def _beside(self, asset: str, scored: Scored, at_ms: int) -> list[DriftReport]:
        """The known detectors on the scale: 1 when they find a change at this outcome, 0 otherwise."""
        reports = []
        for name, new in self.known.items():
            detector = self._known.get((asset, name)) or self._known.setdefault((asset, name), new())
            detector.update(STATISTICS["scale"](scored.pit))
            found = detector.drift_detected
            made = self._report(asset, name, float(found), 1.0, found, scored, at_ms)
            reports.append(msgspec.structs.replace(made, informs=True))
        return reports

    def _close_session(self, at_ms: int) -> list[DriftReport]:
        """The level of volatility, when all assets of a session are there or the next session has begun."""
        session, self._open = self._open, {}
        last = max(session.values(), key=lambda one: one.session_date)
        self._sessions += 1
        look = self.look_every and self._sessions % self.look_every == 0
        looked = self._look(last, at_ms) if look else []
        return looked + self._judge_level(session, last, at_ms) + self._judge_loss(session, last, at_ms)

    def _look(self, last: Scored, at_ms: int) -> list[DriftReport]:
        """The distributions of moves, for a reader."""
        past = returns_before(self.closes, self.assets, last.session_date + 1)
        reports = []
        for one in feature_drift.compare(past, seed=last.session_date):
            asset = self.assets[one.asset]
            made = self._report(asset, one.name, one.value, one.threshold, one.alarm, last, at_ms)
            reports.append(
                msgspec.structs.replace(made, informs=True, window=feature_drift.WINDOW, forecast="")
            )
        return reports

    def _judge_level(self, session: Mapping[str, Scored], last: Scored, at_ms: int) -> list[DriftReport]:
        if self._level is None:
            if not self._garch:
                return []  # the first model has no GARCH member: nothing to bet against yet
            self._level = self._new_level(last.session_date)
            self._divide(LEVEL_SHARE if self._level.active else 0.0)
        if not self._level.active:
            return []
        returns = [session[asset].outcome if asset in session else np.nan for asset in self.assets]
        alarm = self._level.update(returns)
        level = self._level
        return [self._report(EVERYTHING, LEVEL, level.value, level.threshold, alarm, last, at_ms)]

    def _judge_loss(self, session: Mapping[str, Scored], last: Scored, at_ms: int) -> list[DriftReport]:
        """The assets' mean: they move together and are one observation."""
        added = [one.lstm_loss for one in session.values() if one.lstm_loss is not None]
        if not added:
            return []
        alarm = self._loss.update((1 + sum(added) / len(added)) / 2)
        return [
            self._report(EVERYTHING, LSTM_LOSS, self._loss.value, self._loss.threshold, alarm, last, at_ms)
        ]

    def _new_level(self, before: int) -> LevelDetector:
        parameters = np.array([self._garch.get(asset, (np.nan,) * 3) for asset in self.assets])
        # An asset that the model does not know may be young: sessions that it shares with the others would be few.
        known = {asset: self.closes[asset] for asset in self._garch if asset in self.closes}
        past = returns_before(known, self.assets, before)
        return LevelDetector(self.run_length / LEVEL_SHARE, parameters, past)

    def _report(
        self, asset: str, name: str, value: float, threshold: float, alarm: bool, scored: Scored, at_ms: int
    ) -> DriftReport:
        self._window[asset, name] = self._window.get((asset, name), 0) + 1
        return DriftReport(
            asset=asset,
            detector=name,
            value=value,
            threshold=threshold,
            alarm=alarm,
            triggers=False,
            session_date=scored.session_date,
            pit=scored.pit,
            model=scored.model,
            at_ms=at_ms,
            window=self._window[asset, name],
            bar=scored.bar,
            forecast=scored.forecast,
        )


def returns_before(
    closes: Mapping[str, Mapping[int, float]], assets: Sequence[str], before: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Log returns between the sessions that all assets with any price share, up to before `before`.

    Shape (n, assets), oldest first, at most LONGEST_PAST; NaN columns for assets without prices.
    """
    series = {asset: closes[asset] for asset in assets if closes.get(asset)}
    shared = sorted(set.intersection(*(set(one) for one in series.values()))) if series else []
    dates = [date for date in shared if date < before][-LONGEST_PAST - 1 :]
    out = np.full((max(0, len(dates) - 1), len(assets)), np.nan)
    for at, asset in enumerate(assets):
        if asset in series and len(dates) > 1:
            out[:, at] = np.diff(np.log([series[asset][date] for date in dates]))
    return out
