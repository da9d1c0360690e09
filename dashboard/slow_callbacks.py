"""Callbacks of "Can I trust it?", "Drift and models" and "Pipeline": run while open, when something changed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, no_update

from dashboard import axes, chain_view, drift_state, figures, health_view, models_view, trust_view
from dashboard.live import Poller, now_ms
from dashboard.skill import Skill, skills
from producers.errors import AllocastError
from training.answer import HORIZONS

KEPT_CHAINS = 16
GATES = {  # view -> what it is computed again for, while it is open
    "trust": [("slow-tick", "data"), ("horizon", "value")],
    "models": [("news-tick", "data")],
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
    _connect_chain(app, poller)
    _connect_health(app, poller)


def _connect_trust(app: Dash, poller: Poller) -> None:
    live_skills = _once_per_revision(poller)

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
        found = await asyncio.to_thread(live_skills)
        return (
            trust_view.words(rows),
            figures.reliability(said) if said else axes.empty(),
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

    def live_skills() -> list[Skill]:
        nonlocal held
        with one_at_a_time:
            record = poller.snapshot.record
            if held[0] != record.revision:
                from producers.sessions import nyse

                held = (
                    record.revision,
                    skills(record.matured, record.closes, record.fitted, nyse()),
                )
            return held[1]

    return live_skills


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
        Output("chain-version", "data"),
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
            figures.drift(lines) if lines else axes.empty(),
            words,
            models_view.progress(news, snapshot.record.trial, poller.source.shadow_sessions()),
            models_view.history(news.events, versions),
            [{"value": one, "label": one} for one in versions],
            [{"value": one, "label": one} for one in earlier],
            not earlier,
            not earlier,
            "" if earlier else "There is no earlier model to roll back to yet.",
        )


def _connect_chain(app: Dash, poller: Poller) -> None:
    """The logs are read again when they say something new about models, once for all viewers."""
    read = lru_cache(maxsize=KEPT_CHAINS)(lambda version, _newest: poller.source.chain(version))

    @app.callback(
        Output("chain", "children"),
        Output("chain-error", "children"),
        Input("go-models", "data"),
        Input("chain-version", "value"),
        prevent_initial_call=True,
    )
    async def chain(opened: object, version: str | None) -> tuple[Any, str]:
        snapshot = poller.snapshot
        wanted = version or (snapshot.champion.version if snapshot.champion else "")
        if not opened or not wanted:
            return None, ""
        newest = max((one.at_ms for one in snapshot.news.events), default=0)
        try:
            found = await asyncio.to_thread(read, str(wanted), newest)
        except AllocastError as error:
            return no_update, str(error)
        return chain_view.chain(found, poller.universe), ""


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
