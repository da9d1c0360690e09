"""`model/1` on `models.events`: what happened to a model, for dashboards and for the audit."""

from __future__ import annotations

import time
from typing import Any

import msgspec

SCHEMA = "model/1"
SHADOW = "shadow"
ROLLED_BACK = "rolled_back"


class ModelEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """kind: requested, training, trained, shadow, promoted, rejected, failed, kept (nothing to do), rolled_back.

    `version` answers from now on (promoted, rolled_back) or is the model in question. A model in its shadow
    forecasts beside the champion and nobody is shown it.
    """

    kind: str
    version: str
    reason: str
    at_ms: int
    detail: str = ""
    idempotency_key: str = ""
    progress: float | None = None  # fraction of the training that is done
    final: bool = False  # the last event of its request
    report: dict[str, Any] = {}
    replaced: str = ""  # of promoted and rolled_back: the version that answered before


def event(kind: str, reason: str, key: str, version: str = "", detail: str = "", **more: Any) -> ModelEvent:
    """An event that happens now."""
    return ModelEvent(kind, version, reason, int(time.time() * 1000), detail, key, **more)
