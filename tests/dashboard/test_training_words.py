"""What happened to a model and why, in words a saver reads."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import msgspec
import pytest

from dashboard import models_view
from dashboard.events import News
from dashboard.training_words import event_line
from producers.request import TrainingRequest
from training.events import ModelEvent

KINDS = (
    "requested", "training", "trained", "shadow", "promoted", "rejected", "failed", "kept", "rolled_back"
)  # fmt: skip
REQUEST = msgspec.json.schema(TrainingRequest)["$defs"]["TrainingRequest"]
REASONS = REQUEST["properties"]["reason"]["pattern"].strip("^$()").split("|")


def told(*events: ModelEvent) -> News:
    said = News()
    for one in events:
        said = said.with_event(one)
    return said


def shown(*events: ModelEvent, watched: int = 0) -> str:
    return str(models_view.progress(told(*events), {"v2": watched}, 10))


@pytest.mark.parametrize(("kind", "reason"), list(product(KINDS, REASONS)))
def test_every_kind_and_reason_has_words(kind: str, reason: str) -> None:
    one = ModelEvent(kind, "v2", reason, 1, detail="gate: skill 0.02", idempotency_key="k")
    line = event_line(one)
    assert re.fullmatch(r"An? [^:]+: v2, because [a-z ]+\. Gate: skill 0\.02\.", line), line
    assert f"of {reason}" not in line
    assert kind not in line.split(":")[0] or kind in ("requested", "trained", "failed")
    if kind != "training":
        assert "Gate: skill 0.02." in str(models_view.history([one]))
    assert ("Progress(" in shown(one)) == (kind == "training")


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (ModelEvent("rejected", "v8", "", 1), "A new model was not taken: v8."),
        (ModelEvent("rolled back", "v1", "", 1), "An earlier model took over again: v1."),
        (ModelEvent("moved", "", "", 1), "moved."),
        (
            ModelEvent("training", "", "schedule", 1, progress=0.4),
            "A new model is being trained, 40% done, because it was time.",
        ),
        (
            ModelEvent("failed", "", "a test", 1, "out of memory"),
            "A training failed, because of a test. Out of memory.",
        ),
    ],
)
def test_event_lines(event: ModelEvent, line: str) -> None:
    assert event_line(event) == line


def test_a_model_in_its_shadow_is_counted_until_it_is_judged() -> None:
    def event(kind: str, at_ms: int, **given: Any) -> ModelEvent:
        return ModelEvent(kind, "v2", "drift", at_ms, idempotency_key="k", **given)

    shadow = event("shadow", 2)
    assert "v2 is being watched: 3 of 10 sessions." in shown(event("trained", 1), shadow, watched=3)
    # A word about another model does not end it.
    other = ModelEvent("rolled_back", "v0", "manual", 3, idempotency_key="other", final=True)
    assert "3 of 10" in shown(shadow, other, watched=3)
    assert shown(shadow, event("promoted", 4, final=True), watched=10) == "None"
    assert shown(event("training", 1, progress=0.5), event("failed", 2, final=True)) == "None"
