"""What the drift reports mean: how near an alarm is, and what has to happen before a retraining. Pure."""

from __future__ import annotations

import math

from dashboard.events import DriftReport, News

CONSECUTIVE, COOLDOWN = 2, 21  # stream_processors.drift's policy; its module loads the detectors


def nearness(report: DriftReport) -> float:
    """How much of the way to the alarm's threshold the evidence has come, 0 to 1, on a logarithmic scale.

    Evidence multiplies up from 1 each session, so half of the way means: the same evidence once more.

    >>> nearness(DriftReport("gold", "scale", 64.0, 4096.0, False, 20260730, 1))
    0.5
    """
    if report.alarm or report.value >= report.threshold:
        return 1.0
    if report.value <= 1 or report.threshold <= 1:
        return 0.0
    return math.log(report.value) / math.log(report.threshold)


def cooldown(news: News) -> int:
    """Sessions during which no other retraining is asked for because of drift; 0 when one may be."""
    asked = max(
        (one.session_date for known in news.reports.values() for one in known if one.triggers), default=0
    )
    if not asked:
        return 0
    since = {one.session_date for known in news.reports.values() for one in known if one.session_date > asked}
    return max(0, COOLDOWN - len(since))


def words(news: News) -> str:
    """The state in two sentences."""
    if not news.reports:
        return "No session has been compared with its forecast yet."
    alarms = sorted({asset for (asset, _), one in news.drift.items() if one.alarm})
    head = f"Alarm for {', '.join(alarms)}." if alarms else "No alarm: the forecasts fit what happens."
    left = cooldown(news)
    if left:
        return f"{head} A retraining was asked for; the next one not before {left} more sessions have closed."
    return f"{head} An alarm in {CONSECUTIVE} sessions in a row asks for a retraining."
