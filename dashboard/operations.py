"""What an operator may ask for: a retraining, or an earlier model back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from producers import topics
from producers.errors import FixAndRestart, TryAgain
from producers.outbox import send_one
from producers.request import MODEL, SCHEMA, TrainingRequest, encode_request
from producers.settings import Settings
from training import artefact, serving
from training.champion import Champion
from training.events import ROLLED_BACK

DETAIL = "asked for on the page"


def versions(settings: Settings) -> list[str]:
    """Models that can be served, newest first by when they were made."""
    folders = [path.parent for path in settings.models_dir.glob(f"[!.]*/{artefact.MANIFEST}")]
    made = {
        folder.name: (folder / artefact.MANIFEST).stat().st_mtime
        for folder in folders
        if not folder.is_symlink()
    }
    return sorted(made, key=lambda name: -made[name])


def retrain(config: Mapping[str, Any]) -> str:
    """Send a request to the training service; returns a sentence. Raises TryAgain without a broker."""
    now_ms = int(time.time() * 1000)
    # The same key for one minute: a double click asks once.
    request = TrainingRequest("manual", f"manual:page:{now_ms // 60_000}", now_ms, DETAIL)
    send_one(config, topics.REQUESTS, MODEL, encode_request(request), SCHEMA)
    return "A retraining was asked for. Its progress is shown here."


def roll_back(settings: Settings, config: Mapping[str, Any], version: str) -> str:
    """Serve an earlier model again; returns a sentence.

    Raises FixAndRestart when there is no such model or it is not intact, TryAgain without a broker.
    """
    if version not in versions(settings):
        raise FixAndRestart(f"version: there is no model {version[:40]!r}")
    if version == artefact.champion_version(settings.models_dir):
        raise FixAndRestart(f"version: {version} is the model in use")
    Champion(settings.models_dir / version)  # refused here rather than by every reader
    try:
        serving.serve(
            settings.models_dir,
            config,
            serving.by_hand(settings.models_dir, version, None, ROLLED_BACK, DETAIL),
        )
    except OSError as error:
        raise TryAgain(f"The models' folder cannot be written: {error}") from error
    except TryAgain:
        if artefact.champion_version(settings.models_dir) != version:
            raise
        return f"{version} answers again; the log is told when the broker is back."
    return f"{version} answers again."
