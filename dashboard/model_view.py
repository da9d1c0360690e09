"""The model, its history and drift in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.events import DriftReport, News
from producers.universe import Asset
from training.events import ModelEvent

MEMBERS = {
    "lstm": "LSTM",
    "har": "HAR",
    "garch_fhs": "GARCH-FHS",
    "climatology": "Climatology",
}
EVENTS = {
    "requested": "A new training was requested",
    "training": "A new model is being trained",
    "trained": "A new model was trained",
    "rejected": "A new model was not good enough",
    "promoted": "A new model took over",
    "failed": "A training failed",
    "kept": "A training was not needed",
    "shadow": "A new model is being watched",
    "rolled back": "An earlier model took over again",
    "rolled_back": "An earlier model took over again",
}
REASONS = {
    "history": "the price history was loaded",
    "drift": "the market drifted from its forecasts",
    "manual": "a person asked for it",
    "schedule": "it was time",
}
DETECTORS = {"scale": "size of the moves", "location": "direction of the moves"}


def members(weights: Mapping[str, float]) -> list[tuple[str, float]]:
    """The pool, largest first: name and weight (fraction)."""
    ranked = sorted(weights.items(), key=lambda item: -item[1])
    return [(named(name), weight) for name, weight in ranked]


def named(member: str) -> str:
    """A member as people write it."""
    return MEMBERS.get(member, member.replace("_", " "))


def drift_line(asset: Asset, news: News) -> tuple[str, bool]:
    """The latest word on one asset, and whether it is an alarm. The loudest detector speaks."""
    reports = [report for (name, _), report in news.drift.items() if name in (asset.id, asset.symbol)]
    if not reports:
        return "no report yet", False
    newest = max(report.session_date for report in reports)
    today = [report for report in reports if report.session_date == newest]
    loudest = max(today, key=_loudness)
    word = "alarm" if loudest.alarm else "no alarm"
    return f"{word} in session {session(newest)}: {_reading(loudest)}", loudest.alarm


def because(reason: str) -> str:
    """Why a model was trained, as the rest of a sentence.

    >>> because("manual")
    'a person asked for it'
    """
    return REASONS.get(reason, f"of {reason}")


def model_reason(reason: str) -> str:
    """Why the model in use was trained, as a sentence; empty when it is not known."""
    return f"It was trained because {because(reason)}." if reason else ""


def event_line(event: ModelEvent) -> str:
    """One model event in words.

    >>> event_line(ModelEvent("promoted", "v7", "schedule", 0))
    'A new model took over: v7, because it was time.'
    """
    text = EVENTS.get(event.kind, event.kind)
    text += f", {event.progress:.0%} done" if event.progress is not None and event.kind == "training" else ""
    text += f": {event.version}" if event.version else ""
    text += f", because {because(event.reason)}" if event.reason else ""
    return f"{text}. {event.detail}".strip()


def _reading(report: DriftReport) -> str:
    detector = DETECTORS.get(report.detector, report.detector)
    return f"{detector} at {level(report.value)}, alarm from {level(report.threshold)}"


def level(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _loudness(report: DriftReport) -> tuple[bool, float]:
    return report.alarm, report.value / report.threshold if report.threshold else 0.0


def session(date: int) -> str:
    return f"{date // 10_000:04d}-{date // 100 % 100:02d}-{date % 100:02d}"
