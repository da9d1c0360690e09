"""Callbacks of "Can I trust it?", "Drift and models" and "Pipeline": run while open, when something changed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output

from dashboard import drift_state, figures, health_view, models_view, trust_view
from dashboard.live import Poller, now_ms
from dashboard.skill import Skill, against_random_walk
from training.answer import HORIZONS

GATES = {  # view -> what it is computed again for, while it is open
    "trust": [("slow-tick", "data"), ("horizon", "value")],
    "models": [("slow-tick", "data")],
    "health": [("health-tick", "data")],
}


def connect(app: Dash, poller: Poller) -> None:
    for name, inputs in GATES.items():
        app.clientside_callback(
            ClientsideFunction("allocast", "gate"),
            Output(f"go-{name}", "data"),
            Input("view", "value"),
            *[Input(*one) for one in inputs],
        )
    _connect_trust(app, poller)
    _connect_models(app, poller)
    _connect_health(app, poller)


def _connect_trust(app: Dash, poller: Poller) -> None:
    skills = _once_per_revision(poller)

    @app.callback(
        Output("record-words", "children"),
        Output("reliability-figure", "data"),
        Output("reliability-summary", "children"),
        Output("record-table", "children"),
        Output("provenance", "children"),
        Output("earned", "children"),
        Input("go-trust", "data"),
        prevent_initial_call=True,
    )
    async def trust(given: list[Any]) -> tuple[Any, ...]:  # the trigger
        snapshot = poller.snapshot
        rows = snapshot.record.matured
        said = trust_view.pooled(rows)
        manifest = getattr(snapshot.champion, "manifest", None)
        found = await asyncio.to_thread(skills)
        return (
            trust_view.words(rows),
            figures.reliability(said) if said else figures.empty(),
            f"{len(said)} groups of forecasts by the chance of a loss that was named.",
            trust_view.scored(rows, found, poller.universe),
            trust_view.provenance(manifest),
            None
            if manifest is None
            else trust_view.earned(
                manifest.earned, poller.universe, HORIZONS.get(str(given[-1]), HORIZONS["6m"])
            ),
        )


def _once_per_revision(poller: Poller) -> Callable[[], list[Skill]]:
    """Skill is computed once for all viewers of a record; who comes meanwhile waits for it."""
    held: tuple[int, list[Skill]] = (-1, [])
    one_at_a_time = threading.Lock()

    def skills() -> list[Skill]:
        nonlocal held
        with one_at_a_time:
            record = poller.snapshot.record
            if held[0] != record.revision:
                from producers.sessions import nyse

                held = record.revision, against_random_walk(record.matured, record.closes, nyse())
            return held[1]

    return skills


def _connect_models(app: Dash, poller: Poller) -> None:
    @app.callback(
        Output("drift-words", "children"),
        Output("policy-words", "children"),
        Output("meters", "children"),
        Output("informed", "children"),
        Output("known", "children"),
        Output("drift-figure", "data"),
        Output("drift-summary", "children"),
        Output("progress", "children"),
        Output("events", "children"),
        Output("rollback-version", "data"),
        Output("rollback-version", "disabled"),
        Output("rollback", "disabled"),
        Output("no-earlier", "children"),
        Input("go-models", "data"),
        prevent_initial_call=True,
    )
    async def models(_trigger: list[Any]) -> tuple[Any, ...]:
        snapshot, universe = poller.snapshot, poller.universe
        news, champion = snapshot.news, snapshot.champion
        lines = models_view.drift_lines(news, universe)
        words = drift_state.words(news, universe)
        served = champion.version if champion else ""
        versions = await asyncio.to_thread(poller.source.versions)
        earlier = [one for one in versions if one != served]
        return (
            words,
            f"{drift_state.rules(news)} {drift_state.last_word(news)}",
            models_view.meters(news, universe),
            models_view.informed(news, universe),
            models_view.known(news, universe),
            figures.drift(lines) if lines else figures.empty(),
            words,
            models_view.progress(news, snapshot.record.watched, poller.source.shadow_sessions()),
            models_view.history(news.events),
            [{"value": one, "label": one} for one in earlier],
            not earlier,
            not earlier,
            "" if earlier else "There is no earlier model to roll back to yet.",
        )


def _connect_health(app: Dash, poller: Poller) -> None:
    @app.callback(
        Output("services", "children"),
        Output("inputs", "children"),
        Input("go-health", "data"),
        prevent_initial_call=True,
    )
    async def health(_triggers: list[Any]) -> tuple[Any, ...]:
        snapshot = poller.snapshot
        return health_view.services(snapshot, poller.universe, now_ms()), health_view.inputs(
            snapshot, poller.universe
        )
