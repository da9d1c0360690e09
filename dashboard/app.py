"""The Dash app: connects the layout, the pure functions and the poller."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NoReturn

import dash_mantine_components as dmc
import plotly.io
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, html, no_update
from fastapi import FastAPI

from dashboard import figures, model_view, stream, view
from dashboard.allocation import presets, scale_to_100, total
from dashboard.forecast import Forecaster, number, request_of
from dashboard.index import INDEX
from dashboard.live import Poller
from dashboard.page import page
from producers.errors import FixAndRestart, TryAgain
from producers.universe import Universe
from training.answer import Answer

log = logging.getLogger(__name__)

TEXTS = {  # component -> field of view.Outcome
    "sentence": "sentence",
    "profit-median": "median",
    "profit-median-percent": "median_percent",
    "profit-mean": "mean",
    "profit-mean-percent": "mean_percent",
    "profit-range": "range",
    "profit-range-percent": "range_percent",
    "prob-loss": "prob_loss",
    "prob-beat-deposit": "prob_beat_deposit",
    "as-of": "as_of",
}


def create_app(poller: Poller) -> Dash:
    """The app around a poller, which the caller starts and stops. Run `app.server` with uvicorn."""
    server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)  # its docs page loads from a CDN

    @server.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    app = Dash(
        __name__,
        backend="fastapi",
        server=server,
        serve_locally=True,
        title="Allocast",
        update_title=None,  # figures refresh every second; the tab title must not flicker
        index_string=INDEX,
        websocket_inactivity_timeout=0,  # a page nobody touches stays live
        on_error=_log_and_raise,
    )
    dmc.add_figure_templates()
    templates = {  # only their layout: the rest is about kinds of chart the page has not
        scheme: {"layout": plotly.io.templates[f"mantine_{scheme}"].layout.to_plotly_json()}
        for scheme in ("light", "dark")
    }
    app.layout = lambda: page(poller, templates)
    _connect_stream(app, poller)
    _connect_form(app, poller.universe)
    _connect_forecast(app, poller)
    _connect_browser(app)
    return app


def _log_and_raise(error: Exception) -> NoReturn:
    """Dash answers 500 without a trace in the log."""
    log.error("a callback failed", exc_info=error)
    raise error


def _connect_stream(app: Dash, poller: Poller) -> None:
    """One WebSocket callback per page; Dash starts it again when the socket reconnects."""

    @app.callback(websocket=True, persistent=True)
    async def follow() -> None:
        await stream.follow(ctx.websocket, poller)


def _connect_form(app: Dash, universe: Universe) -> None:
    """Presets and `Scale to 100` write the numbers; number and slider of an asset follow each other."""
    ids = [asset.id for asset in universe.asset]
    ready = {f"preset-{preset.id}": preset.weights for preset in presets(universe)}

    @app.callback(
        {name: Output(f"weight-{name}", "value", allow_duplicate=True) for name in ids},
        {
            "clicks": [Input(button, "n_clicks") for button in (*ready, "scale")],
            "weights": {name: State(f"weight-{name}", "value") for name in ids},
        },
        prevent_initial_call=True,
    )
    async def fill(clicks: list[int | None], weights: dict[str, object]) -> dict[str, float]:  # noqa: ARG001  # Dash passes every Input
        button = str(ctx.triggered_id)
        if button in ready:
            return ready[button]
        return scale_to_100({name: number(value, empty=0.0) for name, value in weights.items()})

    for name in ids:
        both = f"weight-{name}", f"slider-{name}"
        app.clientside_callback(
            ClientsideFunction("allocast", "pair"),
            *[Output(one, "value") for one in both],
            *[Input(one, "value") for one in both],
            prevent_initial_call=True,
        )


def _connect_forecast(app: Dash, poller: Poller) -> None:
    """The answer to the form, again whenever the form or the snapshot changes."""
    universe = poller.universe
    forecast = Forecaster(poller)
    ids = [asset.id for asset in universe.asset]
    answered = [
        *[Output(component, "children") for component in TEXTS],
        Output("profit-median", "className"),
        Output("fan-figure", "data"),
        Output("fan-summary", "children"),
        Output("members", "children"),
        Output("notes", "children"),
        *[Output(f"outlook-{name}", "children") for name in ids],
    ]
    said = [
        Output("figures", "className"),
        Output("form-error", "children"),
        Output("forecast-status", "children"),
        Output("sum", "children"),
    ]

    @app.callback(
        {"answered": answered, "said": said},
        {
            "amount": Input("amount", "value"),
            "weights": {name: Input(f"weight-{name}", "value") for name in ids},
            "horizon": Input("horizon", "value"),
            "real": Input("real", "checked"),
            "tick": Input("tick", "data"),
        },
    )
    async def answer(
        amount: object,
        weights: dict[str, object],
        horizon: object,
        real: bool,
        tick: int,  # noqa: ARG001  # its change is what triggers
    ) -> dict[str, Any]:
        in_sum = total({name: number(value, empty=0.0) for name, value in weights.items()})
        untouched = [no_update] * len(answered)
        try:
            request = request_of(amount, weights, horizon, universe)
            # In a thread: the first answer of a model draws its scenarios, and other pages must not wait.
            found = await asyncio.to_thread(forecast, request)
        except FixAndRestart as error:
            return {"answered": untouched, "said": ["dim", str(error), "", in_sum]}
        except TryAgain as error:
            return {"answered": untouched, "said": ["dim", "", str(error), in_sum]}
        return {"answered": _shown(found, bool(real), universe), "said": ["", "", "", in_sum]}


def _shown(answer: Answer, real: bool, universe: Universe) -> list[Any]:
    """Values of `answered`, in its order."""
    outcome = view.outcome(answer, real=real)
    fan = answer.fan_real if real else answer.fan_nominal
    return [
        *[getattr(outcome, field) for field in TEXTS.values()],
        f"number {'up' if outcome.gains else 'down'}",
        figures.fan(fan, answer.horizon_sessions, answer.amount),
        figures.summary(fan, answer.amount),
        [_member(name, weight) for name, weight in model_view.members(answer.model.members)],
        [html.Li(view.sentence(note)) for note in answer.notes],
        *[view.outlook(answer.assets.get(asset.id)) for asset in universe.asset],
    ]


def _member(name: str, weight: float) -> Any:
    bar = html.Span(className="bar", style={"--share": f"{weight:.3f}"}, **{"aria-hidden": "true"})
    return html.Div(className="member", children=[html.Span(name), bar, html.Span(f"{weight * 100:.0f} %")])


def _connect_browser(app: Dash) -> None:
    """What the browser does alone: ages and sparklines from the pulse, the chart's light or dark template."""
    app.clientside_callback(ClientsideFunction("allocast", "pulse"), Input("pulse", "data"))
    app.clientside_callback(ClientsideFunction("allocast", "trail"), Input("trail", "data"))
    app.clientside_callback(
        ClientsideFunction("allocast", "draw"),
        Output("fan", "figure"),
        Input("fan-figure", "data"),
        Input("scheme-now", "data"),
        State("templates", "data"),
    )
