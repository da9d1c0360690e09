"""What happened to a model and why, in words. Pure."""

from __future__ import annotations

from dashboard.view import sentence
from training.events import ModelEvent

EVENTS = {
    "requested": "A new training was requested",
    "training": "A new model is being trained",
    "trained": "A new model was trained",
    "rejected": "A new model was not taken",
    "promoted": "A new model took over",
    "failed": "A training failed",
    "kept": "A training was not needed",
    "shadow": "A new model is being watched",
    "rolled back": "An earlier model took over again",  # how it was written before
    "rolled_back": "An earlier model took over again",
}
REASONS = {
    "history": "the price history was loaded",
    "drift": "the market drifted from its forecasts",
    "manual": "a person asked for it",
    "schedule": "it was time",
    "spec": "the features are computed in another way now",
    "storm": "several trainings did not stop the alarms",
}


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
    return " ".join(filter(None, [f"{text}.", sentence(event.detail)]))
