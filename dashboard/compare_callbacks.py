"""Callbacks of "Compare". They work only while that view is open: nobody else pays for them."""

from __future__ import annotations

import asyncio
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from dashboard import compare, figures
from dashboard.address_callbacks import currency_of
from dashboard.allocation import presets, scale_to_100
from dashboard.compare_view import SLOTS, compared, stressed, suggestion
from dashboard.forecast import TERMS, Forecaster, number, request_of
from dashboard.live import Poller, now_ms
from dashboard.stress import WINDOWS, stress
from producers.errors import AllocastError, FixAndRestart
from producers.universe import Universe
from training.answer import HORIZONS, Request

VIEW = "compare"
TICKS = ("tick", "slow-tick")  # with which the comparison is made again


def connect(app: Dash, poller: Poller, forecast: Forecaster) -> None:
    _connect_grid(app, poller.universe)
    _connect_comparison(app, poller, forecast)
    _connect_frontier(app, poller, forecast)


def _gate(app: Dash, name: str, inputs: list[Input], form: list[State]) -> None:
    """`go-NAME` gets the values of the inputs, then of the form, while the view is open. The form is in another view:
    while this one is open it stays as it is.
    """
    app.clientside_callback(
        ClientsideFunction("allocast", "gate"),
        Output(f"go-{name}", "data"),
        Input("view", "value"),
        *inputs,
        *form,
    )


def _form(ids: list[str]) -> list[State]:
    return [
        *[State(f"weight-{name}", "value") for name in ids],
        State("amount", "value"),
        State("horizon", "value"),
        State("currency", "value"),
        *[State(name, "value") for name in TERMS],
    ]


def _read(
    form: list[Any], ids: list[str]
) -> tuple[dict[str, object], object, object, object, dict[str, object]]:
    """Weights, amount, horizon, currency and terms out of the values of `_form`."""
    weights, (amount, horizon, currency, *terms) = form[: len(ids)], form[len(ids) :]
    named = dict(zip(ids, weights, strict=True)), dict(zip(TERMS, terms, strict=True))
    return named[0], amount, horizon, currency, named[1]


def _connect_grid(app: Dash, universe: Universe) -> None:
    """Column A follows the form; a choice above a column fills it."""
    ids = [asset.id for asset in universe.asset]
    ready = {preset.id: preset.weights for preset in presets(universe)}

    app.clientside_callback(
        ClientsideFunction("allocast", "mine"),
        *[Output(f"mine-{name}", "children") for name in ids],
        Input("view", "value"),
        *[State(f"weight-{name}", "value") for name in ids],
    )

    for slot in SLOTS:

        @app.callback(
            {name: Output(f"other-{slot}-{name}", "value", allow_duplicate=True) for name in ids},
            Input(f"fill-{slot}", "value"),
            {name: State(f"weight-{name}", "value") for name in ids},
            prevent_initial_call=True,
        )
        def fill(choice: str | None, weights: dict[str, object]) -> dict[str, Any]:
            if choice is None:
                return dict.fromkeys(ids, no_update)
            if choice == "mine":
                return dict(weights)
            return dict(ready.get(choice, dict.fromkeys(ids, "")))

    @app.callback(
        {name: Output(f"other-B-{name}", "value", allow_duplicate=True) for name in ids},
        Input("use-suggestion", "n_clicks"),
        State("suggested", "data"),
        prevent_initial_call=True,
    )
    def use(_clicks: int | None, found: dict[str, float] | None) -> dict[str, Any]:
        return {name: found.get(name, 0.0) if found else no_update for name in ids}


def _connect_comparison(app: Dash, poller: Poller, forecast: Forecaster) -> None:
    universe = poller.universe
    ids = [asset.id for asset in universe.asset]

    _gate(
        app,
        VIEW,
        [
            *[Input(f"other-{slot}-{name}", "value") for slot in SLOTS for name in ids],
            *[Input(name, "data") for name in TICKS],
        ],
        [*_form(ids), State("real", "checked")],
    )

    @app.callback(
        {
            "figure": Output("ranges-figure", "data"),
            "summary": Output("ranges-summary", "children"),
            "table": Output("compare-table", "children"),
            "stress": Output("stress-table", "children"),
            "error": Output("compare-error", "children"),
            "kind": Output("compare-figures", "className"),
        },
        Input("go-compare", "data"),
        prevent_initial_call=True,
    )
    async def side_by_side(given: list[Any]) -> dict[str, Any]:
        cells, form = given[: len(SLOTS) * len(ids)], given[len(SLOTS) * len(ids) + len(TICKS) :]
        others = {slot: dict(zip(ids, cells[at * len(ids) :], strict=False)) for at, slot in enumerate(SLOTS)}
        *form, real = form
        weights, amount, horizon, currency, terms = _read(form, ids)
        same = dict.fromkeys(("figure", "summary", "table", "stress", "error", "kind"), no_update)
        try:
            asked = _asked(amount, weights, horizon, terms, others, universe)
            outcomes = await asyncio.to_thread(forecast.outcomes, list(asked.values()))
        except AllocastError as error:
            return {**same, "error": str(error), "kind": "dim"}
        sessions = HORIZONS[asked["A"].horizon]
        found = [
            (name, compare.figures(one, sessions, real=bool(real)))
            for name, one in zip(asked, outcomes, strict=True)
        ]
        profits = [compare.profit(one, sessions, real=bool(real)) for one in outcomes]
        apart = [None, *[compare.difference(one, profits[0]) for one in profits[1:]]]
        label = currency_of(currency)
        unit = f"\u00a0{label}" if label else ""
        kind = "after inflation" if real else "before inflation"
        closes = poller.snapshot.record.closes
        crises = {
            window.name: [stress(window, one.weights, closes, universe) for one in asked.values()]
            for window in WINDOWS
        }
        best = max(found, key=lambda one: one[1].median)[0]
        return {
            "figure": figures.ranges(found, f", {label}" if label else "", kind),
            "summary": f"Ranges of {len(found)} allocations {kind}; {best} has the highest median.",
            "table": compared(found, apart, asked["A"].amount, unit, kind),
            "stress": stressed(crises, list(asked), bool(closes)),
            "error": "",
            "kind": "",
        }


def _asked(
    amount: object,
    weights: dict[str, object],
    horizon: object,
    terms: dict[str, object],
    others: dict[str, dict[str, object]],
    universe: Universe,
) -> dict[str, Request]:
    """A request per allocation that has weights, by its letter. Raises FixAndRestart naming the letter."""
    found = {}
    for letter, given in {"A": weights, **others}.items():
        if letter != "A" and not any(number(value, empty=0.0) for value in given.values()):
            continue
        try:
            found[letter] = request_of(amount, given, horizon, universe, terms)
        except FixAndRestart as error:
            raise FixAndRestart(f"{letter}: {error}") from error
    return found


def _connect_frontier(app: Dash, poller: Poller, forecast: Forecaster) -> None:
    """Not with every tick: the frontier hardly moves, and it costs a third of a second. Again with another model,
    when what was missing is there, and every FRONTIER_EVERY_MS of stream.py.
    """
    universe = poller.universe
    ids = [asset.id for asset in universe.asset]

    _gate(app, "frontier", [Input("frontier-tick", "data")], _form(ids))

    @app.callback(
        Output("frontier-figure", "data"),
        Output("frontier-summary", "children"),
        Output("suggestion", "children"),
        Output("suggested", "data"),
        Output("use-box", "hidden"),
        Output("frontier-figures", "className"),
        Output("frontier-made", "data-since"),
        Input("go-frontier", "data"),
        prevent_initial_call=True,
    )
    async def efficient(given: list[Any]) -> tuple[Any, ...]:
        weights, amount, horizon, currency, terms = _read(given[1:], ids)
        try:
            # The frontier is without fees and trades.
            request = request_of(amount, weights, horizon, universe, {"deposit": terms["deposit"]})
            found = await asyncio.to_thread(forecast.suggest, request)
        except AllocastError as error:
            return no_update, no_update, str(error), None, True, "dim", no_update
        label = currency_of(currency)
        better = compare.less_risk(found)
        said = suggestion(better, universe, request.amount, f"\u00a0{label}" if label else "")
        drawn = figures.frontier(found, better, f", {label}" if label else "")
        chosen = None if better is None else scale_to_100(better.weights)
        return drawn, said, said, chosen, better is None, "", str(now_ms())
