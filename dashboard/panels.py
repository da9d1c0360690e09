"""The panels beside the form: what to expect, live prices, the model, drift.

`live` builds a component whose live properties start with their present values; see page.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dash import dcc, html

from dashboard import figures
from producers.universe import Asset

Live = Callable[..., Any]


def _panel(name: str, title: str, children: list[Any]) -> Any:
    """A titled box; the title is its name for screen readers too."""
    return html.Section(
        className="panel",
        children=[html.H2(title, id=f"title-{name}"), *children],
        **{"aria-labelledby": f"title-{name}"},
    )


def _figure(title: str, value: str, below: str | None = None) -> Any:
    children = [html.Dt(title), html.Dd(id=value, className="number", children="\u2013")]
    if below:
        children.append(html.Dd(id=below, className="below"))
    return html.Div(className="figure", children=children)


def result() -> Any:
    return _panel(
        "result",
        "What to expect",
        [
            html.P(id="forecast-status", className="note", role="status"),
            html.Div(
                id="figures",  # dimmed as a whole while the form has no answer
                children=[
                    html.P(id="sentence", className="sentence"),
                    html.Dl(
                        className="figures",
                        children=[
                            _figure("Median profit", "profit-median", "profit-median-percent"),
                            _figure("Mean profit", "profit-mean", "profit-mean-percent"),
                            _figure("90 of 100 scenarios", "profit-range", "profit-range-percent"),
                            _figure("Chance of a loss", "prob-loss"),
                            _figure("Chance to beat the deposit", "prob-beat-deposit"),
                        ],
                    ),
                    html.Figure(
                        [
                            html.Div(
                                className="fan",  # has the height; a responsive graph without one collapses
                                children=dcc.Graph(
                                    id="fan",
                                    figure=figures.empty_fan(),
                                    config={"displayModeBar": False},
                                    responsive=True,
                                    style={"height": "100%"},
                                ),
                            ),
                            html.Figcaption(id="fan-summary", className="unseen"),
                        ]
                    ),
                    html.P(["Newest input: ", html.Span(id="as-of", children="\u2013")], className="note"),
                    html.Ul(id="notes", className="notes"),
                ],
            ),
        ],
    )


def prices(assets: list[Asset], live: Live) -> Any:
    head = ["Asset", "Price", "Today", "Last minutes", "Outlook to your horizon"]
    return _panel(
        "prices",
        "Live prices",
        [
            html.Table(
                className="prices",
                children=[
                    html.Thead(html.Tr([html.Th(text, scope="col") for text in head])),
                    html.Tbody([_price_row(asset, live) for asset in assets]),
                ],
            ),
            html.P(
                "Outlook: median return before inflation, and the range of 90 of 100 scenarios.",
                className="note",
            ),
        ],
    )


def _price_row(asset: Asset, live: Live) -> Any:
    return html.Tr(
        [
            html.Th([asset.name, html.Span(asset.unit, className="unit")], scope="row"),
            live(html.Td, f"price-{asset.id}"),
            live(html.Td, f"change-{asset.id}"),
            html.Td(html.Div(id=f"spark-{asset.id}", className="spark", **{"aria-hidden": "true"})),
            html.Td(id=f"outlook-{asset.id}", className="outlook", children="\u2013"),
        ]
    )


def model(live: Live) -> Any:
    return _panel(
        "model",
        "Model",
        [
            html.P(
                [
                    "Version ",
                    live(html.Strong, "model-version"),
                    ", trained ",
                    live(html.Span, "model-since"),
                    ". ",
                    live(html.Span, "model-reason"),
                ]
            ),
            html.Div(id="members", className="members"),
            html.P(
                ["Latest event, ", live(html.Span, "event-since"), ": ", live(html.Span, "event-line")],
                className="note",
            ),
        ],
    )


def drift(assets: list[Asset], live: Live) -> Any:
    """assets : those with a price; the deposit's rate is not forecast, so nothing can drift from it."""
    return _panel(
        "drift",
        "Has the market changed?",
        [
            html.Dl(
                className="drift",
                children=[
                    html.Div([html.Dt(asset.name), live(html.Dd, f"drift-{asset.id}")]) for asset in assets
                ],
            ),
            live(html.P, "news-status", className="note"),
        ],
    )
