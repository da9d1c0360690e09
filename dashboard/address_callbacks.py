"""The address of the page: read when it opens, written when the choice changes."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update

from dashboard.asked import CURRENCY, Asked, read, write
from dashboard.compare_view import SLOTS
from dashboard.forecast import number, request_of
from producers.errors import FixAndRestart
from producers.universe import Universe


def connect(app: Dash, universe: Universe) -> None:
    ids = [asset.id for asset in universe.asset]
    fields = {
        "amount": ("amount", "value"),
        "currency": ("currency", "value"),
        "horizon": ("horizon", "value"),
        "real": ("real", "checked"),
        "fee": ("fee", "value"),
        "rebalance": ("rebalance", "value"),
        "deposit": ("deposit", "value"),
        "view": ("view", "value"),
    }

    # A page without a query, which is the usual one, opens without asking the server.
    app.clientside_callback(
        ClientsideFunction("allocast", "open"),
        Output("query", "data"),
        Output("opened", "data"),
        Input("url", "search"),
    )

    @app.callback(
        {
            "fields": {name: Output(*where, allow_duplicate=True) for name, where in fields.items()},
            "weights": {name: Output(f"weight-{name}", "value", allow_duplicate=True) for name in ids},
            "others": {
                slot: {name: Output(f"other-{slot}-{name}", "value", allow_duplicate=True) for name in ids}
                for slot in SLOTS
            },
            "notice": Output("notice", "children"),
            "kind": Output("notice", "className"),
            "opened": Output("opened", "data", allow_duplicate=True),
        },
        Input("query", "data"),
        prevent_initial_call=True,
    )
    def open_page(search: object) -> dict[str, Any]:
        asked, notices = read(search if isinstance(search, str) else "", universe)
        others = dict(zip(SLOTS, asked.others, strict=False))
        return {
            "fields": {name: getattr(asked, name) for name in fields},
            "weights": {name: asked.weights[name] for name in ids},
            "others": {slot: others.get(slot, dict.fromkeys(ids, "")) for slot in SLOTS},
            "notice": [html.P(notice) for notice in notices],
            "kind": "banner" if notices else "unseen",
            "opened": True,
        }

    # With the answer to a changed form, not beside its question: the figures are what a person waits for.
    app.clientside_callback(
        ClientsideFunction("allocast", "settle"),
        Output("go-address", "data"),
        Input("answer", "data"),
        Input("view", "value"),
        *[Input(f"other-{slot}-{name}", "value") for slot in SLOTS for name in ids],
        *[State(f"weight-{name}", "value") for name in ids],
        *[State(*where) for where in fields.values()],
    )

    @app.callback(
        Output("address", "data"),
        Input("go-address", "data"),
        State("opened", "data"),
        prevent_initial_call=True,
    )
    def write_address(settled: list[Any], opened: object) -> Any:
        if not opened:
            return no_update
        rows = [settled[at : at + len(ids)] for at in range(0, (len(SLOTS) + 1) * len(ids), len(ids))]
        *others, weights = [dict(zip(ids, row, strict=True)) for row in rows]
        given = dict(zip(fields, settled[len(rows) * len(ids) :], strict=True))
        try:
            asked = asked_of(given, weights, dict(zip(SLOTS, others, strict=True)), universe)
        except FixAndRestart:
            return no_update  # an address always holds a question that can be answered
        return write(asked, universe)


def asked_of(
    given: dict[str, Any],
    weights: dict[str, object],
    others: dict[str, dict[str, object]],
    universe: Universe,
) -> Asked:
    """The choice in the form. Raises FixAndRestart while it is not a valid one."""
    ids = [asset.id for asset in universe.asset]
    request = request_of(given["amount"], weights, given["horizon"], universe, given)
    kept = []
    for slot in SLOTS:
        found = {name: number(value, empty=0.0) for name, value in others[slot].items()}
        if any(found.values()):
            other = request_of(1.0, found, "1m", universe)
            kept.append({name: other.weights.get(name, 0.0) for name in ids})
    return Asked(
        weights={name: request.weights.get(name, 0.0) for name in ids},
        amount=request.amount,
        currency=currency_of(given["currency"]),
        horizon=request.horizon,
        real=bool(given["real"]),
        fee=request.fee,
        rebalance=request.rebalance,
        deposit=request.deposit,
        others=tuple(kept),
        view=str(given["view"]),
    )


def currency_of(value: object) -> str:
    """The label, when it is one that an address may hold; otherwise none."""
    return value if isinstance(value, str) and CURRENCY.fullmatch(value) else ""
