"""One training, in a process of its own: reads a request from standard input, writes events to standard output.

Its own process, because tensorflow takes memory that is never given back, may be killed, and would block
the service's heartbeats. The first model (the members that can be had at once, with equal weights) is promoted
as soon as it is fitted, in seconds; GARCH and the LSTM follow together. Later models that pass the gate become
challengers: the service judges their shadow forecasts.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from producers import logs
from producers.errors import AllocastError, FixAndRestart
from producers.kafka_client import client_config
from producers.request import TrainingRequest, decode_request
from producers.sessions import nyse, session_number
from producers.settings import Settings, load_settings
from producers.universe import load_universe
from training import artefact, fitting, past, promotion
from training.champion import Champion
from training.dataset import Dataset, load_dataset
from training.events import ModelEvent, event
from training.horizons import FloatArray
from training.inputs import Inputs
from training.lstm import Effort
from training.member import Forecaster
from training.members import LSTM
from training.serving import alone

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
    usable = (
        manifest.feed == dataset.feed
        and manifest.spec_hash == dataset.spec_hash
        and manifest.symbols == dataset.symbols
        and manifest.as_of_session <= str(nyse().date[dataset.last_session])
    )
    return manifest if usable else None


def run(settings: Settings, request: TrainingRequest, effort: Effort) -> None:
    """Train what the request asks for, telling each step. Ends with a final event, or with a shadow to be judged."""
    reason, key = request.reason, request.idempotency_key
    models = settings.models_dir
    models.mkdir(parents=True, exist_ok=True)
    trained = artefact.answering(models, key)
    if trained is not None:  # a job before us was killed after its training
        say(event("training", reason, key, trained.version, "it was trained before; going on from there"))
        promotion.settle(settings, request, trained, say)
        return
    say(event("training", reason, key, detail="reading the training set", progress=0.0))
    dataset = load_dataset(settings, load_universe(settings.universe_file))
    for left_over in models.glob(".staged-*"):  # of a job that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    champion = champion_manifest(models, dataset)
    if champion is None:
        champion = _first_model(settings, dataset, request)
    elif reason == "history" and LSTM in champion.members and champion.data_hash == dataset.data_hash:
        say(
            event("kept", reason, key, champion.version, "the champion was trained on these data", final=True)
        )
        return
    rewritten = "; ".join(
        filter(
            None,
            (
                past.changed(champion.past, dataset.panels),
                past.contradicted(seen_live(settings), dataset.panels),
            ),
        )
    )
    if rewritten and reason != "manual":
        detail = f"the past is not what it was: {rewritten}; a person may ask for a training all the same"
        say(event("rejected", reason, key, detail=detail, final=True))
        return
    version = new_version(dataset)
    staged = artefact.stage(models, version)
    if reason == "storm":
        fitted = fitting.fit_without_lstm(dataset)
    else:
        beside = _forecaster(models / champion.version, dataset)
        fitted = fitting.fit_pool(dataset, effort, _progress(reason, key, version), staged, beside)
    origin = {
        "request": key,
        "replaces": champion.version,
        "parameters": {"seeds": effort.seeds, "epochs": effort.epochs, "stride": effort.stride},
        "git_revision": git_revision(),
    }
    manifest = fitting.save(models, staged, fitted, dataset, reason, request.detail, _now_ms(), origin)
    say(event("trained", reason, key, version, fitted.reason, report=fitted.report))
    promotion.settle(settings, request, manifest, say)


def seen_live(settings: Settings) -> dict[str, dict[int, float]]:
    """Prices that champions forecast from, by symbol and session number, from `forecasts.log`."""
    from training.already_logged import logged_forecasts

    found: dict[str, dict[int, float]] = {}
    for forecast in logged_forecasts(client_config(settings)):
        if forecast.role == artefact.CHAMPION:
            session = session_number(forecast.session_date)
            found.setdefault(forecast.symbol, {}).setdefault(session, forecast.price)
    return found


class _Serving:
    """The champion as the gate's forecaster: by position in a data set."""

    def __init__(self, champion: Champion, symbols: list[str]) -> None:
        self._champion, self._symbols = champion, symbols

    def quantiles(self, asset: int, inputs: Inputs) -> FloatArray:
        return self._champion.pooled(self._symbols[asset], inputs)


def _forecaster(folder: Path, dataset: Dataset) -> Forecaster | None:
    """The champion for the gate, None when it cannot take part."""
    try:
        return _Serving(Champion(folder), dataset.symbols)
    except (FixAndRestart, OSError) as error:
        log.warning("champion %s takes no part in the gate: %s", folder.name, error)
        return None


def git_revision() -> str:
    """Of the code that trains; empty outside a repository."""
    folder = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _first_model(settings: Settings, dataset: Dataset, request: TrainingRequest) -> artefact.Manifest:
    """Fit, write, promote and record the model that needs no training."""
    models = settings.models_dir
    staged = artefact.stage(models, new_version(dataset))
    fitted = fitting.fit_first(dataset)
    origin = {"provisional": True}
    manifest = fitting.save(
        models, staged, fitted, dataset, request.reason, request.detail, _now_ms(), origin
    )
    with alone(models):
        artefact.point(models, artefact.PREVIOUS, None)
        artefact.promote(models, manifest.version)
    detail = f"{len(dataset.symbols)} assets, data to {manifest.as_of_session}; GARCH and the LSTM follow"
    say(event("promoted", request.reason, request.idempotency_key, manifest.version, detail))

    from training.registry import Registry

    Registry(settings.state_dir).record(manifest, models / manifest.version, artefact.CHAMPION)
    return manifest


def new_version(dataset: Dataset) -> str:
    """Sortable by time, and names its data."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{dataset.data_hash[:6]}"


def limit_memory(mib: int) -> None:
    """Let an allocation beyond so much fail here, before the machine's killer chooses somebody else; 0: no limit."""
    if mib:
        resource.setrlimit(resource.RLIMIT_DATA, (mib * 2**20, mib * 2**20))


def _progress(reason: str, key: str, version: str) -> Any:
    def tell(done: float, text: str) -> None:
        say(event("training", reason, key, version, text, progress=round(done, 3)))

    return tell


def _now_ms() -> int:
    return int(time.time() * 1000)


def _end_with_the_service() -> None:
    """A killed service starts another training for the same request: this one must not go on."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
        os._exit(1)


def explained(error: Exception) -> str:
    """What went wrong in a sentence, with what to do where that is known."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"the disk is full ({error.filename or 'while writing the model'}); make room and ask again"
    if isinstance(error, MemoryError):
        return "out of memory; raise ALLOCAST_TRAINING_MEMORY_MIB or lower ALLOCAST_LSTM_SEEDS"
    if "database is locked" in str(error):
        return "the registry's database is locked by another process; the champion stays; ask again"
    return f"{type(error).__name__}: {error}"[:500]


def main() -> int:
    """Entry point: exit code 0 when a final event was told."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    settings = load_settings()
    logs.configure(settings, "training")
    logging.getLogger("tf2onnx").setLevel(logging.WARNING)
    logging.getLogger("feast").setLevel(logging.WARNING)
    import feature_repo.offline_store  # noqa: F401  # feast takes seconds; the service starts us early for that

    limit_memory(settings.training_memory_mib)
    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    threading.Thread(target=_end_with_the_service, daemon=True).start()
    request = decode_request(line)
    try:
        run(settings, request, Effort(seeds=settings.lstm_seeds, epochs=settings.lstm_epochs))
    except AllocastError as error:
        say(event("failed", request.reason, request.idempotency_key, detail=str(error), final=True))
    except Exception as error:
        log.exception("training failed")
        detail = explained(error)
        say(event("failed", request.reason, request.idempotency_key, detail=detail, final=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
