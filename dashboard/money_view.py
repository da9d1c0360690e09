"""View "Your money": what to expect, how bad it may get, what adds to it, live prices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard.parts import chart, does, figure, later, panel, since, table
from producers.universe import Asset

Live = Callable[..., Any]
FAN_HEAD = ["Trading days", "5 %", "25 %", "Median", "75 %", "95 %"]


def result() -> Any:
    tools = [
        html.A("CSV", id="csv-figures", className="quiet-button", href="download/figures.csv", download=""),
        html.A(
            "Scenarios",
            id="csv-scenarios",
            className="quiet-button",
            href="download/scenarios.csv",
            download="",
        ),
        does("PNG", "png:fan", "Save the chart as PNG"),
        does("Copy link", "copy"),
        does("Print", "print"),
    ]
    return panel(
        "result",
        "What to expect",
        [
            html.P(id="asked", className="print-only sentence small"),
            html.P(id="forecast-status", className="note", role="status"),
            html.Div(
                id="figures",
                children=[
                    html.P(id="sentence", className="sentence"),
                    html.Dl(
                        className="figures",
                        children=[
                            figure("Median profit", "profit-median", "profit-median-percent", "hero"),
                            figure("Mean profit", "profit-mean", "profit-mean-percent"),
                            figure("90 of 100 scenarios", "profit-range", "profit-range-percent", "wide"),
                            figure("Chance of a loss", "prob-loss", "prob-loss-other"),
                            figure("Chance to beat the deposit", "prob-beat-deposit"),
                        ],
                    ),
                    chart("fan", "fan", "Fan of profits over the coming trading days"),
                    html.Details(
                        [
                            html.Summary("The chart as a table"),
                            html.Div(
                                table(FAN_HEAD, [], "The fan as a table", "numbers", "fan-rows"),
                                id="fan-table",
                            ),
                        ],
                        className="more",
                    ),
                    html.P(
                        [
                            "Made ",
                            since("made"),
                            " from prices up to ",
                            html.Span(id="as-of", children="\u2013"),
                            ".",
                        ],
                        className="note",
                    ),
                    html.Ul(id="notes", className="notes"),
                    html.P(id="printed", className="print-only note"),
                ],
            ),
        ],
        tools,
        source="forecast",
        filled="answer",
    )


def risk() -> Any:
    return panel(
        "risk",
        "How bad may it get?",
        [
            html.Dl(
                className="figures",
                children=[
                    figure("One scenario in twenty loses more than", "var95"),
                    figure("Mean loss in these", "cvar95"),
                    figure("Deepest fall on the way", "drawdown", "drawdown-bad"),
                ],
            ),
            html.H3("What each part adds"),
            later("contributions", "Shown with the first forecast."),
        ],
        lead="After inflation; falls on the way are before it, seen once a month.",
        source="forecast",
        filled="answer",
    )


def prices(assets: list[Asset], live: Live) -> Any:
    head = ["Asset", "Price", "Today", "Last hour", "Last minutes", "Outlook to your horizon"]
    return panel(
        "prices",
        "Live prices",
        [
            html.Table(
                className="prices",
                children=[
                    html.Caption("Live prices and the outlook of each asset", className="unseen"),
                    html.Thead(html.Tr([html.Th(text, scope="col") for text in head])),
                    html.Tbody([_price_row(asset, live) for asset in assets]),
                ],
            ),
            html.P(
                "Outlook: median return before inflation, and the range of 90 of 100 scenarios. "
                "Swing: how far the price moved up and down in the last hour (realised volatility).",
                className="note",
            ),
        ],
        [
            does("CSV", "csv", "Save the prices as CSV"),
            dmc.Switch(id="pause", label="Pause", size="sm", checked=False),
        ],
        source="prices",
    )


def _price_row(asset: Asset, live: Live) -> Any:
    return html.Tr(
        [
            html.Th(
                [
                    asset.name,
                    html.Span([asset.unit, " ", live(html.Span, f"quiet-{asset.id}")], className="unit"),
                ],
                scope="row",
            ),
            live(html.Td, f"price-{asset.id}"),
            live(html.Td, f"change-{asset.id}"),
            live(html.Td, f"hour-{asset.id}"),
            html.Td(html.Div(id=f"spark-{asset.id}", className="spark", **{"aria-hidden": "true"})),
            html.Td(id=f"outlook-{asset.id}", className="outlook", children="\u2013"),
        ]
    )
