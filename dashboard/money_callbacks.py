"""Callbacks of "Your money": presets, sliders, and the answer to the form."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, html

from dashboard import fan_chart, money, trust_view, view
from dashboard.address_callbacks import currency_of
from dashboard.allocation import presets, scale_to_100, total
from dashboard.asked import default
from dashboard.forecast import TERMS, Forecaster, number, request_of
from dashboard.live import Poller, Snapshot, now_ms
from dashboard.metrics import ANSWER_S
from dashboard.parts import bar, table
from dashboard.past import so_far
from producers.errors import AllocastError, FixAndRestart, TryAgain
from producers.universe import Asset, Universe
from training.answer import Answer, Request

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
    "prob-loss-other": "prob_loss_other",
    "prob-beat-deposit": "prob_beat_deposit",
    "var95": "var95",
    "cvar95": "cvar95",
    "drawdown": "drawdown",
    "drawdown-bad": "drawdown_bad",
    "as-of": "as_of",
}
Told = tuple[str, str, Any]  # component, property, value: what assets/answers.js sets


def first(poller: Poller, forecast: Forecaster) -> list[Told]:
    """What a page shows from its first paint on: the answer to the form as it starts, nothing where there is none."""
    universe, start = poller.universe, default(poller.universe)
    terms = {name: getattr(start, name) for name in TERMS}
    try:
        request = request_of(start.amount, start.weights, start.horizon, universe, terms)
        found = forecast(request)
    except AllocastError:
        return []  # the page says what it waits for
    except Exception:
        log.exception("the first figures of a page failed")
        return []  # the rest of the page is of use without them
    shown = _shown(found, request, poller.snapshot, universe, start.real, start.currency)
    return [*_said(total(start.weights)), *shown, *_lasting(found, None)]


def connect(app: Dash, poller: Poller, forecast: Forecaster) -> None:
    _connect_form(app, poller.universe)
    _connect_forecast(app, poller, forecast)


def _connect_form(app: Dash, universe: Universe) -> None:
    """Presets and `Scale to 100` write the numbers, which the sliders follow; assets/form.js has the other direction."""
    ids = [asset.id for asset in universe.asset]
    ready = {f"preset-{preset.id}": preset.weights for preset in presets(universe)}

    @app.callback(
        {name: Output(f"weight-{name}", "value", allow_duplicate=True) for name in ids},
        {
            "_clicks": [Input(button, "n_clicks") for button in (*ready, "scale")],
            "weights": {name: State(f"weight-{name}", "value") for name in ids},
        },
        prevent_initial_call=True,
    )
    async def fill(_clicks: list[int | None], weights: dict[str, object]) -> dict[str, float]:
        button = str(ctx.triggered_id)
        if button in ready:
            return ready[button]
        return scale_to_100({name: number(value, empty=0.0) for name, value in weights.items()})

    for name in ids:
        app.clientside_callback(
            ClientsideFunction("allocast", "pair"),
            Output(f"slider-{name}", "value"),
            Input(f"weight-{name}", "value"),
            State(f"slider-{name}", "value"),
            State(f"slider-{name}", "id"),
            prevent_initial_call=True,
        )


def _connect_forecast(app: Dash, poller: Poller, forecast: Forecaster) -> None:
    """The answer to the form, again whenever the form changes, or the snapshot while somebody looks."""
    app.clientside_callback(
        ClientsideFunction("allocast", "look"),
        Output("go-money", "data"),
        Input("view", "value"),
        Input("tick", "data"),
        Input("frontier-tick", "data"),
        Input("visible", "data"),
    )
    app.clientside_callback(
        ClientsideFunction("allocast", "fan"),
        Output("fan-figure", "data"),
        Output("fan-rows", "children"),
        Input("fan-values", "data"),
        State("fan-frame", "data"),
    )
    universe = poller.universe
    ids = [asset.id for asset in universe.asset]

    # One output, which assets/answers.js takes from the answer and apart: Dash goes through all components for each output.
    @app.callback(
        Output("answer", "data"),
        {
            "amount": Input("amount", "value"),
            "weights": {name: Input(f"weight-{name}", "value") for name in ids},
            "horizon": Input("horizon", "value"),
            "real": Input("real", "checked"),
            "terms": {name: Input(name, "value") for name in TERMS},
            "currency": Input("currency", "value"),
            "_tick": Input("go-money", "data"),  # its change is what triggers
            "known": State("lasting", "data"),
        },
    )
    async def answer(
        amount: object,
        weights: dict[str, object],
        horizon: object,
        real: bool,
        terms: dict[str, object],
        currency: object,
        _tick: object,
        known: object,
    ) -> list[Told]:
        in_sum = total({name: number(value, empty=0.0) for name, value in weights.items()})
        try:
            request = request_of(amount, weights, horizon, universe, terms)
            with ANSWER_S.time():
                # In a thread: the first answer of a model draws its scenarios, and other pages must not wait.
                found = await asyncio.to_thread(forecast, request)
        except FixAndRestart as error:
            return _said(in_sum, wrong=str(error))
        except TryAgain as error:
            return _said(in_sum, waiting=str(error))
        shown = _shown(found, request, poller.snapshot, universe, bool(real), currency_of(currency))
        return [*_said(in_sum), *shown, *_lasting(found, known)]


def _said(in_sum: str, wrong: str = "", waiting: str = "") -> list[Told]:
    """The form's own words; figures that are not of this form are dimmed."""
    return [
        ("sum", "children", in_sum),
        ("form-error", "children", wrong),
        ("forecast-status", "children", waiting),
        ("figures", "className", "dim" if wrong or waiting else ""),
    ]


def _shown(
    answer: Answer, request: Request, snapshot: Snapshot, universe: Universe, real: bool, currency: str
) -> list[Told]:
    """All figures of an answer."""
    outcome = view.outcome(answer, real=real, currency=currency)
    fan = answer.fan_real if real else answer.fan_nominal
    past = so_far(request, snapshot, universe)
    values = fan_chart.fan_values(fan, answer.horizon_sessions, answer.amount, past)
    return [
        *[(component, "children", getattr(outcome, field)) for component, field in TEXTS.items()],
        ("profit-median", "className", f"number {'up' if outcome.gains else 'down'}"),
        ("made", "data-since", str(now_ms())),
        ("fan-summary", "children", fan_chart.summary(fan, answer.amount)),
        *[(f"outlook-{asset.id}", "children", _outlook(answer, asset)) for asset in universe.asset],
        ("contributions", "children", _contributions(answer, universe, real)),
        ("fan-values", "data", values),
    ]


def _outlook(answer: Answer, asset: Asset) -> Any:
    own = view.outlook(answer.assets.get(asset.id))
    then = view.rate_then(answer.short_rate) if asset.kind == "rate" else ""
    return [own, html.Span(then, className="below unit")] if then else own


def _lasting(answer: Answer, known: object) -> list[Told]:
    """What stays for as long as the model does is sent only to a page that has another."""
    now = f"{answer.model.members} {answer.notes}"
    if now == known:
        return []
    notes = [html.Li(view.sentence(note)) for note in answer.notes]
    return [
        ("members", "children", trust_view.members(answer.model.members)),
        ("notes", "children", notes),
        ("lasting", "data", now),
    ]


def _contributions(answer: Answer, universe: Universe, real: bool) -> Any:
    found = view.contributions(answer, universe, real=real)
    most = max((abs(value) for _, _, mean, part in found for value in (mean, part)), default=0.0) or 1.0
    rows = []
    for name, weight, mean, part in found:
        gain = html.Div(
            [
                html.Span(money.profit(mean, answer.amount)),
                bar(abs(mean) / most, "up" if mean >= 0 else "down"),
            ],
            className="meter",
        )
        risk = html.Div(
            [
                html.Span(money.profit(-part, answer.amount)),
                bar(abs(part) / most, "down" if part > 0 else "up"),
            ],
            className="meter",
        )
        rows.append([name, f"{weight:g} %", gain, risk])
    head = ["Asset", "Weight", "To the mean profit", "In the worst twentieth"]
    return table(
        head, rows, "What each asset adds to the mean profit and to the worst twentieth", "numbers parts"
    )
