"""What happened to a model and why, in words a saver reads."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import msgspec
import pytest

from dashboard import models_view, shadow
from dashboard.events import News
from dashboard.training_words import event_line
from producers.request import TrainingRequest
from tests.dashboard.stubs.record import trial
from training.duel import Standing
from training.events import ModelEvent
from training.forecast_log import Forecast

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


def shown(*events: ModelEvent, trial: list[Forecast] | None = None) -> str:
    return str(models_view.progress(told(*events), trial or [], 10))


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

    watched = event("shadow", 2)
    assert "v2 is being watched: 0 of 10 sessions. Its first" in shown(event("trained", 1), watched)
    beside = shown(event("trained", 1), watched, trial=trial(5))
    assert "v2 is being watched: 3 of 10 sessions." in beside  # of the newest two the outcome is open
    assert "judged after 7 more sessions with an outcome. As it stands it would be promoted." in beside
    assert "Champion v1" in beside
    # A word about another model does not end it.
    other = ModelEvent("rolled_back", "v0", "manual", 3, idempotency_key="other", final=True)
    assert "3 of 10" in shown(watched, other, trial=trial(5))
    assert shown(watched, event("promoted", 4, final=True), trial=trial(12)) == "None"
    assert shown(event("training", 1, progress=0.5), event("failed", 2, final=True)) == "None"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"sessions": 0},
            "It is judged after 10 more sessions with an outcome. Nothing can be compared yet.",
        ),
        ({"sessions": 9}, "after 1 more session with an outcome. As it stands it would be promoted."),
        ({"sessions": 10}, "It is judged at the next close. As it stands it would be promoted."),
        (
            {"sessions": 4, "t": 2.5},
            "would be rejected: its CRPS is 2.5 standard errors worse, 2 are allowed.",
        ),
        (
            {"sessions": 2, "holes": 3},
            "after 5 more sessions with an outcome. As it stands it would be rejected: 3",
        ),
        (
            {"sessions": 4, "off_new": 3.0, "off_old": 1.0},
            "its intervals are off by 3.0 standard errors, 2.6",
        ),
    ],
)
def test_what_is_missing_until_the_decision(given: dict[str, Any], words: str) -> None:
    plain: dict[str, Any] = {"new": "v2", "old": "v1", "holes": 0, "mean": 0.0, "t": 0.0, "evidence": 1.0}
    assert words in shadow.missing(Standing(**{**plain, **given}), 10)


def test_a_session_without_a_forecast_counts_against_the_challenger() -> None:
    found = shadow.standing(trial(4, holes=3), "v2", 5)
    assert found is not None
    assert (found.sessions, found.holes, found.crps_new) == (4, 2, found.crps_old)
    assert shadow.standing(trial(4), "v9", 5) is None
