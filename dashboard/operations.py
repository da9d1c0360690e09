"""What an operator may ask for: a retraining, or an earlier model back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from producers import topics
from producers.errors import FixAndRestart, TryAgain
from producers.request import MODEL, SCHEMA, TrainingRequest, encode_request
from producers.settings import Settings
from training import artefact
from training.events import SCHEMA as EVENT_SCHEMA
from training.events import event

ANSWER_S = 10.0
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
    _send(config, topics.REQUESTS, encode_request(request), SCHEMA)
    return "A retraining was asked for. Its progress is shown here."


def roll_back(settings: Settings, config: Mapping[str, Any], version: str) -> str:
    """Serve an earlier model again; returns a sentence.

    Raises FixAndRestart when there is no such model or it is not intact, TryAgain without a broker.
    """
    if version not in versions(settings):
        raise FixAndRestart(f"version: there is no model {version[:40]!r}")
    if version == artefact.champion_version(settings.models_dir):
        raise FixAndRestart(f"version: {version} is the model in use")
    manifest, _ = artefact.load(settings.models_dir / version)
    told = event(
        "rolled back", "manual", f"rollback:{version}:{int(time.time())}", version=version, detail=DETAIL
    )
    _send(config, topics.MODEL_EVENTS, msgspec.json.encode(told), EVENT_SCHEMA)
    artefact.promote(settings.models_dir, manifest.version)
    return f"{version} answers again."


def _send(config: Mapping[str, Any], topic: str, value: bytes, schema: str) -> None:
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    try:
        producer: Any = KafkaProducer(**config, max_block_ms=int(ANSWER_S * 1000))
        try:
            producer.send(topic, key=MODEL.encode(), value=value, headers=topics.schema_header(schema)).get(
                timeout=ANSWER_S
            )
        finally:
            producer.close(timeout=ANSWER_S)
    except (KafkaError, OSError) as error:
        raise TryAgain(f"The message broker does not answer: {error}") from error
