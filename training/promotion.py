"""What becomes of a model that has just been trained: rejected, promoted at once, or a challenger in the shadow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from producers.errors import FixAndRestart
from producers.request import TrainingRequest
from producers.settings import Settings
from training import artefact
from training.events import SHADOW, ModelEvent, event
from training.registry import Registry
from training.serving import alone


def settle(
    settings: Settings,
    request: TrainingRequest,
    manifest: artefact.Manifest,
    say: Callable[[ModelEvent], None],
) -> None:
    """Record it, then reject, promote or shadow it. Doing so again after a kill changes nothing."""
    reason, key, version = request.reason, request.idempotency_key, manifest.version
    models = settings.models_dir
    registry = Registry(settings.state_dir)
    before = models / manifest.replaces
    if (
        manifest.replaces and (known := _readable(before)) is not None
    ):  # a kill may have kept it from the registry
        registry.record(known, before, None)
    if not manifest.report.get("accepted", True):
        registry.record(manifest, models / version, None)
        say(event("rejected", reason, key, version, str(manifest.report["gate"]), final=True))
    elif needs_shadow(models, manifest, reason):
        registry.record(manifest, models / version, artefact.CHALLENGER)
        _give_up_challenger(models, version, say)
        artefact.point(models, artefact.CHALLENGER, version)
        serving = artefact.champion_version(models)
        detail = f"forecasts beside {serving} until its outcomes are known"
        say(event(SHADOW, reason, key, version, detail))
    else:
        replaced = artefact.champion_version(models) or ""
        registry.record(manifest, models / version, artefact.CHAMPION)
        with alone(models):
            artefact.point(models, artefact.PREVIOUS, None)  # what is replaced here is nothing to go back to
            artefact.promote(models, version)
        detail = str(manifest.report.get("gate", "served without the LSTM until the storm is over"))
        say(event("promoted", reason, key, version, detail, final=True, replaced=replaced))
    artefact.clean(models)


def _give_up_challenger(models: Path, successor: str, say: Callable[[ModelEvent], None]) -> None:
    """The shadow of an earlier training ends when a later one's begins."""
    version = artefact.pointed(models, artefact.CHALLENGER)
    if version is None or version == successor:
        return
    earlier = _readable(models / version)
    if earlier is None:
        return  # nothing says which request it was for
    detail = f"{successor} was trained later and takes its place in the shadow"
    say(event("rejected", earlier.reason, earlier.request, version, detail, final=True))


def _readable(folder: Path) -> artefact.Manifest | None:
    """What a model says it is; None where its manifest was lost or cut short."""
    try:
        return artefact.manifest_of(folder)
    except FixAndRestart:
        return None


def needs_shadow(models: Path, manifest: artefact.Manifest, reason: str) -> bool:
    """Whether somebody stands to lose: the members that were ready at once are replaced without a trial, and
    in a storm it is the pool without the LSTM that takes over. Whoever serves now is asked, not who served when
    the training began: a person may have changed it.
    """
    serving = artefact.champion_version(models)
    if reason == "storm" or serving is None or serving == manifest.version:
        return False
    try:
        now, _ = artefact.load(models / serving)
    except FixAndRestart:
        return False  # nobody can be served by a damaged champion
    if reason == "history" and now.as_of_session > manifest.as_of_session:
        return False  # the log began again, and the serving model knows what it would have to forecast
    same = now.feed == manifest.feed and now.spec_hash == manifest.spec_hash
    return same and now.symbols == manifest.symbols and not now.provisional
