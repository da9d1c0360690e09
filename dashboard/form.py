"""The saver's form: amount, one weight per asset, presets, horizon, before or after inflation."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard.allocation import Preset
from producers.universe import Asset, Universe
from training.answer import MAX_AMOUNT

AMOUNT = 10_000
HORIZONS = [
    {"value": "1m", "label": "1 month"},
    {"value": "3m", "label": "3 months"},
    {"value": "6m", "label": "6 months"},
]


def form(universe: Universe, presets: list[Preset]) -> Any:
    """Starts with the first preset, so that the page answers before anything is typed."""
    start = presets[0].weights
    return html.Section(
        className="panel form",
        **{"aria-labelledby": "title-form"},
        children=[
            html.H2("Your money", id="title-form"),
            dmc.NumberInput(
                id="amount",
                label="Amount",
                description="What you put in today, in your currency",
                value=AMOUNT,
                min=0,
                max=MAX_AMOUNT,
                step=1000,
                clampBehavior="none",
                thousandSeparator=",",
            ),
            html.Div(
                role="group",
                **{"aria-labelledby": "label-presets"},
                children=[
                    html.Span("Start from", id="label-presets", className="label"),
                    html.Div(
                        className="buttons",
                        children=[
                            dmc.Button(
                                preset.label, id=f"preset-{preset.id}", variant="default", size="compact-sm"
                            )
                            for preset in presets
                        ],
                    ),
                ],
            ),
            html.Div(
                className="weights",
                role="group",
                **{"aria-label": "Weights in percent"},
                children=[_weight(asset, start[asset.id]) for asset in universe.asset],
            ),
            html.Div(
                className="sum",
                children=[
                    html.Span(["Sum ", html.Strong(id="sum")]),
                    dmc.Button("Scale to 100", id="scale", variant="light", size="compact-sm"),
                ],
            ),
            html.P(id="form-error", className="form-error", role="alert"),
            html.Div(
                [
                    html.Span("Horizon", id="label-horizon", className="label"),
                    dmc.SegmentedControl(
                        id="horizon",
                        data=HORIZONS,
                        value="6m",
                        fullWidth=True,
                        **{"aria-labelledby": "label-horizon"},
                    ),
                ]
            ),
            dmc.Switch(
                id="real",
                label="After inflation",
                description="Profit in today's money",
                checked=True,
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
