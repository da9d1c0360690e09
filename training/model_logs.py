"""What is known of a model outside its own directory: the logs its chain is put together from."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from producers import topics
from producers.errors import FixAndRestart, TryAgain
from producers.settings import Settings
from stream_processors.drift import DriftReport
from training import artefact, audit
from training.artefact import CHALLENGER, CHAMPION, PREVIOUS
from training.events import ModelEvent
from training.record_command import everything

T = TypeVar("T")


def chain_of(settings: Settings, version: str) -> tuple[audit.Chain, list[DriftReport]]:
    """The chain behind a model and the drift reports it was found in. version : or an alias, as `champion`.

    Raises FixAndRestart for a version there is none of, TryAgain when the broker does not answer.
    """
    if version in (CHAMPION, CHALLENGER, PREVIOUS):
        version = artefact.pointed(settings.models_dir, version) or version
    manifest = artefact.manifest_of(folder_of(settings, version))
    reports = records(settings, topics.DRIFT, DriftReport)
    return audit.chain(manifest, records(settings, topics.MODEL_EVENTS, ModelEvent), reports), reports


def folder_of(settings: Settings, version: str) -> Path:
    """The model's directory. Raises FixAndRestart when there is none of this name."""
    folder = settings.models_dir / version
    if not folder.is_dir() or folder.parent != settings.models_dir:
        known = ", ".join(sorted(one.name for one in settings.models_dir.glob("[0-9]*"))) or "none"
        raise FixAndRestart(f"no model {version!r} in {settings.models_dir}; there are: {known}")
    return folder


def records(settings: Settings, topic: str, kind: type[T]) -> list[T]:
    """Every record of a topic that can be read, in the order of its partitions."""
    from kafka.errors import KafkaError

    found = []
    try:
        for value in everything(settings, topic):
            try:
                found.append(msgspec.json.decode(value, type=kind))
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # its reader has said so
    except (KafkaError, OSError) as error:
        raise TryAgain(
            f"the broker at {settings.kafka_bootstrap_servers} does not answer: {error}"
        ) from error
    return found
