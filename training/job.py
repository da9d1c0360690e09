"""One training, in a process of its own: reads a request from standard input, writes events to standard output.

Its own process, because tensorflow takes memory that is never given back, may be killed, and would block
the service's heartbeats. The first model (the members that can be had at once, with equal weights) is promoted as soon as
it is fitted, in seconds; GARCH and the LSTM follow together.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from producers import logs
from producers.errors import AllocastError, FixAndRestart
from producers.request import TrainingRequest, decode_request
from producers.settings import Settings, load_settings
from producers.universe import load_universe
from training import artefact, fitting
from training.dataset import Dataset, load_dataset
from training.events import ModelEvent, event
from training.lstm import Effort
from training.members import LSTM

log = logging.getLogger("training.job")


def say(message: ModelEvent) -> None:
    """One event to the service."""
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def champion_manifest(models: Path, dataset: Dataset) -> artefact.Manifest | None:
    """The serving model, if it was made from this feed, these features and no later data.

    A model from the future (the replay was started again) would know what it must forecast.
    """
    version = artefact.champion_version(models)
    if version is None:
        return None
    try:
        manifest, _ = artefact.load(models / version)
    except (FixAndRestart, OSError) as error:
        log.warning("champion %s cannot be used: %s", version, error)
        return None
    from producers.sessions import nyse

    usable = (
        manifest.feed == dataset.feed
        and manifest.spec_hash == dataset.spec_hash
        and manifest.symbols == dataset.symbols
        and manifest.as_of_session <= str(nyse().date[dataset.last_session])
    )
    return manifest if usable else None


def run(settings: Settings, request: TrainingRequest, effort: Effort) -> None:
    """Train what the request asks for, telling each step. Ends with a final event."""
    reason, key = request.reason, request.idempotency_key
    say(event("training", reason, key, detail="reading the training set", progress=0.0))
    dataset = load_dataset(settings, load_universe(settings.universe_file))
    models = settings.models_dir
    models.mkdir(parents=True, exist_ok=True)
    for left_over in models.glob(".staged-*"):  # of a job that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    champion = champion_manifest(models, dataset)
    first: artefact.Manifest | None = None
    if champion is None:
        first = champion = _first_model(models, dataset, request)
    elif reason == "history" and LSTM in champion.members and champion.data_hash == dataset.data_hash:
        say(
            event("kept", reason, key, champion.version, "the champion was trained on these data", final=True)
        )
        return

    from training.registry import Registry

    registry = Registry(settings.state_dir)
    if first is not None:
        registry.record(first, models / first.version, "champion")

    version = new_version(dataset)
    staged = artefact.stage(models, version)
    fitted = fitting.fit_pool(dataset, effort, _progress(reason, key, version), staged)
    manifest = fitting.save(models, staged, fitted, dataset, reason, request.detail, _now_ms())
    say(event("trained", reason, key, version, fitted.reason, report=fitted.report))
    if not fitted.accepted:
        registry.record(manifest, models / version, None)
        say(event("rejected", reason, key, version, fitted.reason, final=True))
        return
    registry.record(manifest, models / version, "champion")
    artefact.promote(models, version)
    say(event("promoted", reason, key, version, fitted.reason, final=True))


def _first_model(models: Path, dataset: Dataset, request: TrainingRequest) -> artefact.Manifest:
    """Fit, write and promote the model that needs no training."""
    staged = artefact.stage(models, new_version(dataset))
    fitted = fitting.fit_first(dataset)
    manifest = fitting.save(models, staged, fitted, dataset, request.reason, request.detail, _now_ms())
    artefact.promote(models, manifest.version)
    detail = f"{len(dataset.symbols)} assets, data to {manifest.as_of_session}; GARCH and the LSTM follow"
    say(event("promoted", request.reason, request.idempotency_key, manifest.version, detail))
    return manifest


def new_version(dataset: Dataset) -> str:
    """Sortable by time, and names its data."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{dataset.data_hash[:6]}"


def _progress(reason: str, key: str, version: str) -> Any:
    def tell(done: float, text: str) -> None:
        say(event("training", reason, key, version, text, progress=round(done, 3)))

    return tell


def _now_ms() -> int:
    return int(time.time() * 1000)


def main() -> int:
    """Entry point: exit code 0 when a final event was told."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    settings = load_settings()
    logs.configure(settings, "training")
    logging.getLogger("tf2onnx").setLevel(logging.WARNING)
    logging.getLogger("feast").setLevel(logging.WARNING)
    import feature_repo.offline_store  # noqa: F401  # feast takes seconds; the service starts us early for that

    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    request = decode_request(line)
    try:
        run(settings, request, Effort(seeds=settings.lstm_seeds, epochs=settings.lstm_epochs))
    except AllocastError as error:
        say(event("failed", request.reason, request.idempotency_key, detail=str(error), final=True))
    except Exception as error:
        log.exception("training failed")
        detail = f"{type(error).__name__}: {error}"[:500]
        say(event("failed", request.reason, request.idempotency_key, detail=detail, final=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
