"""The saver's form: amount, one weight per asset, presets, horizon, inflation, fees, rebalancing."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard.allocation import Preset
from dashboard.asked import Asked
from producers.universe import Asset, Universe
from training.answer import MAX_AMOUNT, MAX_FEE

HORIZONS = [
    {"value": "1m", "label": "1 month"},
    {"value": "3m", "label": "3 months"},
    {"value": "6m", "label": "6 months"},
]
DEPOSITS = [{"value": "fixed", "label": "Fixed to the end"}, {"value": "renewed", "label": "Renewed monthly"}]
REBALANCING = [{"value": "none", "label": "Never"}, {"value": "monthly", "label": "Monthly"}]


def form(universe: Universe, presets: list[Preset], start: Asked) -> Any:
    """Starts with a choice, so that the page answers before anything is typed."""
    return html.Section(
        className="panel form",
        **{"aria-labelledby": "title-form"},
        children=[
            html.H2("Your money", id="title-form"),
            html.Div(className="amount", children=_amount(start)),
            _group("presets", "Start from", _buttons(presets)),
            html.Div(
                className="weights",
                role="group",
                **{"aria-label": "Weights in percent"},
                children=[_weight(asset, start.weights[asset.id]) for asset in universe.asset],
            ),
            html.Div(
                className="sum",
                children=[
                    html.Span(["Sum ", html.Strong(id="sum")]),
                    dmc.Button("Scale to 100", id="scale", variant="light", size="compact-sm"),
                ],
            ),
            html.P(id="form-error", className="form-error", role="alert"),
            _segments("horizon", "Horizon", HORIZONS, start.horizon),
            dmc.Switch(
                id="real",
                label="After inflation",
                description="Profit in today's money",
                checked=start.real,
            ),
            html.Details(
                className="more",
                children=[
                    html.Summary("Fees, rebalancing, deposit"),
                    html.Div(
                        className="more-body",
                        children=[
                            dmc.NumberInput(
                                id="fee",
                                label="Fee",
                                description="Of every purchase and sale; the deposit is free",
                                value=start.fee,
                                min=0,
                                max=MAX_FEE,
                                step=0.1,
                                decimalScale=3,
                                clampBehavior="none",
                                suffix=" %",
                            ),
                            _segments("rebalance", "Restore the split", REBALANCING, start.rebalance),
                            _segments(
                                "deposit",
                                "Rate of the deposit",
                                DEPOSITS,
                                start.deposit,
                                hidden=universe.deposit is None,
                            ),
                        ],
                    ),
                ],
            ),
        ],
    )


def _amount(start: Asked) -> list[Any]:
    return [
        dmc.NumberInput(
            id="amount",
            label="Amount",
            description="What you put in today",
            value=start.amount,
            min=0,
            max=MAX_AMOUNT,
            step=1000,
            clampBehavior="none",
            thousandSeparator=",",
        ),
        dmc.TextInput(
            id="currency",
            label="Currency",
            description="Not converted",
            placeholder="USD",
            value=start.currency,
            w=92,
        ),
    ]


def _group(name: str, label: str, children: Any) -> Any:
    title = html.Span(label, id=f"label-{name}", className="label")
    return html.Div(role="group", **{"aria-labelledby": f"label-{name}"}, children=[title, children])


def _buttons(presets: list[Preset]) -> Any:
    return html.Div(
        className="buttons",
        children=[
            dmc.Button(preset.label, id=f"preset-{preset.id}", variant="default", size="compact-sm")
            for preset in presets
        ],
    )


def _segments(id: str, label: str, data: list[dict[str, str]], value: str, hidden: bool = False) -> Any:
    return html.Div(
        hidden=hidden,
        children=[
            html.Span(label, id=f"label-{id}", className="label"),
            dmc.SegmentedControl(
                id=id, data=data, value=value, fullWidth=True, **{"aria-labelledby": f"label-{id}"}
            ),
        ],
    )


def _weight(asset: Asset, percent: float) -> Any:
    return html.Div(
        className="weight",
        children=[
            html.Label(asset.name, htmlFor=f"weight-{asset.id}"),
            dmc.NumberInput(
                id=f"weight-{asset.id}",
                value=percent,
                min=0,
                max=100,
                step=5,
                decimalScale=2,
                clampBehavior="none",
                suffix=" %",
                size="xs",
                w=92,
            ),
            dmc.Slider(
                id=f"slider-{asset.id}",
                value=percent,
                min=0,
                max=100,
                step=1,
                label=None,
                updatemode="drag",
                thumbLabel=f"{asset.name} in percent",
                size="sm",
            ),
        ],
    )
