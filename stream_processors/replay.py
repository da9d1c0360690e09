"""The monitor again, from the logs: what every detector must have stood at after each session. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from stream_processors.drift import DriftReport, Monitor
from stream_processors.matching import LoggedForecast, Matcher, Scored
from stream_processors.messages import Bar

Key = tuple[str, str, int]  # asset, detector, session date


def replay(
    assets: Mapping[str, str],
    bars: Iterable[Bar],
    forecasts: Iterable[LoggedForecast],
    acted: Collection[Key],
) -> dict[Key, DriftReport]:
    """Reports by asset, detector and session.

    assets : symbol -> id of all that are monitored.   acted : reports that asked for a training, after which
    the detectors started over.
    """
    closes: dict[str, dict[int, float]] = {}
    matcher = Matcher()
    scored: list[Scored] = []
    for bar in bars:
        if bar.symbol in assets:
            closes.setdefault(assets[bar.symbol], {})[bar.session_date] = bar.close
        scored += matcher.bar(bar)
    for forecast in forecasts:
        scored += matcher.forecast(forecast)
    monitor = Monitor(list(assets.values()), closes)
    found: dict[Key, DriftReport] = {}
    for one in sorted(scored, key=lambda one: (one.session_date, one.symbol)):
        if one.symbol not in assets:
            continue
        for report in monitor.score(assets[one.symbol], one, 0):
            key = report.asset, report.detector, report.session_date
            found[key] = report
            if key in acted:
                monitor.reset()
    return found
