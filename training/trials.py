"""The challenger in its shadow and the promoted model on probation: who forecasts beside the champion, and what follows.

Everything is kept in two links beside `champion` and in `forecasts.log`: a service that is killed reads both
and goes on. Decisions are made here and carried out by the service.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from producers.errors import FixAndRestart
from producers.settings import Settings
from training import artefact
from training.artefact import CHALLENGER, CHAMPION, PREVIOUS, Manifest
from training.champion import Champion
from training.duel import Duel, Standing
from training.events import event
from training.forecast_log import Forecast
from training.serving import Move

log = logging.getLogger("training")

Outcome = Literal["promoted", "rejected", "rolled_back"]
DAY_S = 86_400.0
PAST = 20_000  # logged forecasts that are kept: ten assets, three models, two years


@dataclass(frozen=True)
class Verdict:
    """What is to happen to a model. `model` is the challenger, or the champion that is rolled back."""

    outcome: Outcome
    model: Manifest
    other: str  # version it was compared with
    standing: Standing
    detail: str


class Trials:
    """Follows the links; give it every logged forecast in order and ask for a verdict."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._models: Path = settings.models_dir
        self._loaded: dict[str, Champion] = {}  # by version
        self._refused: set[str] = set()
        self._duels: dict[str, Duel] = {}  # by role
        self._past: deque[Forecast] = deque(maxlen=PAST)

    def remember(self, forecasts: Iterable[Forecast]) -> None:
        """What was logged before this service started."""
        self._past.extend(forecasts)

    def beside(self) -> dict[str, Champion]:
        """Who forecasts beside the champion, by role."""
        found = {}
        for role in (CHALLENGER, PREVIOUS):
            version = artefact.pointed(self._models, role)
            if version is not None and version != artefact.champion_version(self._models):
                model = self._load(version)
                if model is not None:
                    found[role] = model
        return found

    def shadowed(self, request: str) -> str | None:
        """The version in its shadow, if it was trained for this request."""
        version = artefact.pointed(self._models, CHALLENGER)
        model = None if version is None else self._load(version)
        return version if model is not None and model.manifest.request == request else None

    def add(self, forecast: Forecast) -> None:
        """A forecast that was just logged, of whatever role."""
        self._past.append(forecast)
        for duel in self._duels.values():
            duel.add(forecast)

    def verdict(self) -> Verdict | None:
        """What is to be done now, None while there is too little to say."""
        champion = artefact.champion_version(self._models)
        if champion is None:
            return None
        return self._of_challenger(champion) or self._of_champion(champion)

    def _of_challenger(self, champion: str) -> Verdict | None:
        version = artefact.pointed(self._models, CHALLENGER)
        if version is None:
            self._duels.pop(CHALLENGER, None)
            return None
        if version == champion:  # by hand
            artefact.point(self._models, CHALLENGER, None)
            return None
        try:
            manifest = self._manifest(version)
        except FixAndRestart as error:  # nothing says which request it was for
            log.error("the model in the shadow is given up: %s", error)
            artefact.point(self._models, CHALLENGER, None)
            return None
        standing = self._standing(CHALLENGER, version, champion)
        if self._load(version) is None:
            return Verdict("rejected", manifest, champion, standing, "the model files were altered")
        if standing.sessions + standing.holes >= self._settings.shadow_sessions:
            outcome: Outcome = "rejected" if standing.worse else "promoted"
            return Verdict(outcome, manifest, champion, standing, standing.words())
        if (
            time.time() - artefact.pointed_ms(self._models, CHALLENGER) / 1000
            > self._settings.shadow_days * DAY_S
        ):
            late = f"only {standing.sessions} of {self._settings.shadow_sessions} sessions came in time"
            return Verdict("rejected", manifest, champion, standing, late)
        return None

    def _of_champion(self, champion: str) -> Verdict | None:
        previous = artefact.pointed(self._models, PREVIOUS)
        if previous is None or previous == champion:
            self._duels.pop(PREVIOUS, None)
            return None
        try:
            standing = self._standing(PREVIOUS, champion, previous)
        except FixAndRestart:
            return None  # whoever serves refuses a champion like that, and says so
        if standing.hopeless and self._load(previous) is not None:
            return Verdict("rolled_back", self._manifest(champion), previous, standing, standing.words())
        if standing.sessions >= self._settings.watch_sessions + self._settings.shadow_sessions:
            log.info("model %s has proved itself beside %s", champion, previous)
            artefact.point(self._models, PREVIOUS, None)
        return None

    def _standing(self, role: str, new: str, old: str) -> Standing:
        duel = self._duels.get(role)
        if duel is None or (duel.new, duel.old) != (new, old):
            since_ms = self._manifest(new).created_ms
            if (
                role == CHALLENGER
            ):  # sessions that closed while it was still trained are no holes in its shadow
                since_ms = max(since_ms, artefact.pointed_ms(self._models, CHALLENGER))
            duel = self._duels[role] = Duel(new, old, since_ms)
            for forecast in self._past:
                duel.add(forecast)
        return duel.standing()

    def _manifest(self, version: str) -> Manifest:
        """Also of a model that is damaged: its events must name the request."""
        loaded = self._loaded.get(version)
        return loaded.manifest if loaded else artefact.manifest_of(self._models / version)

    def _load(self, version: str) -> Champion | None:
        if version not in self._loaded and version not in self._refused:
            try:
                self._loaded[version] = Champion(self._models / version)
            except Exception as error:  # also what ONNX Runtime raises
                log.error("model %s cannot be tried: %s", version, error)
                self._refused.add(version)
        return self._loaded.get(version)


def move(verdict: Verdict) -> Move:
    """What the verdict does to the links, the registry and the log."""
    manifest, standing = verdict.model, verdict.standing
    aliases: dict[str, str | None] = {CHALLENGER: None}
    version, replaced = manifest.version, ""
    if verdict.outcome == "promoted":
        aliases |= {CHAMPION: version, PREVIOUS: verdict.other}
        replaced = verdict.other
    elif verdict.outcome == "rolled_back":
        aliases = {CHAMPION: verdict.other, PREVIOUS: None}
        version, replaced = verdict.other, version
    said = event(
        verdict.outcome,
        manifest.reason,
        manifest.request,
        version,
        verdict.detail,
        final=True,
        report=msgspec.to_builtins(standing),
        replaced=replaced,
    )
    return Move(aliases, said, manifest.version, {"outcome": verdict.outcome, "shadow": verdict.detail})
