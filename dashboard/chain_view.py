"""Why a model serves, or does not: alarm, window, data, training, gate, shadow, decision. Pure.

The chain is the one of `allocast models show` (training.audit).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dash import html

from dashboard import drift_state, money, training_words
from dashboard.parts import table
from dashboard.view import sentence
from producers.universe import Universe
from training.audit import Chain
from training.events import ModelEvent

SHOWN_TRANSITIONS = 3  # of the policy, the newest


def chain(found: Chain, universe: Universe) -> Any:
    """The steps in their order, a row each."""
    manifest, report = found.manifest, found.manifest.report
    rows: list[list[Any]] = [["Asked for", _asked(found)]]
    rows += [["Policy", f"{one['reason']} \u2192 {one['name']}"] for one in found.policy[-SHOWN_TRANSITIONS:]]
    if found.alarm is not None:
        one = found.alarm
        rows += [
            [
                "Alarm",
                f"{drift_state.asset_name(one.asset, universe)}, {drift_state.detector_name(one.detector)}: "
                f"{drift_state.level(one.value)}, alarm from {drift_state.level(one.threshold)}, "
                f"session {drift_state.session(one.session_date)}",
            ],
            ["Window", f"{one.window} sessions; the last was scored from {one.bar} and {one.forecast}"],
        ]
    rows += [
        [
            "Data",
            [
                f"up to {manifest.as_of_session}, feed {manifest.feed}; data ",
                html.Code(manifest.data_hash),
                ", features ",
                html.Code(manifest.spec_hash),
            ],
        ],
        ["Training", _training(found)],
        ["Gate", f"{'accepted' if report.get('accepted') else 'refused'}: {report['gate']}"]
        if "gate" in report
        else ["Gate", "none: members that can be had at once, before the first training"],
        [
            "Shadow",
            sentence(found.shadow.words())
            if found.shadow
            else "it was not watched beside another model, or is still",
        ],
        ["Decision", sentence(found.decision)],
    ]
    rows += [[_when(one), training_words.event_line(one)] for one in found.events]
    return table(["Step", "What"], rows, f"How {found.version} came to be", "facts chain")


def _asked(found: Chain) -> str:
    request = found.manifest.request or "a start without a model"
    return f"by {request}, because {training_words.because(found.manifest.reason)}"


def _training(found: Chain) -> str:
    manifest = found.manifest
    parts = [f"{name} {value}" for name, value in manifest.parameters.items()]
    seconds = manifest.report.get("train_s")
    parts += [f"{seconds:.0f} s"] if seconds else []
    parts += [f"code {manifest.git_revision}"] if manifest.git_revision else []
    return "; ".join(parts) or money.NOTHING


def _when(one: ModelEvent) -> str:
    return datetime.fromtimestamp(one.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
