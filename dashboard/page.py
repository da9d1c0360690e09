"""The layout: header, status strip, form, figures, prices, model. No logic; ids are the page's contract."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard import figures, stream
from dashboard.allocation import presets
from dashboard.form import form
from dashboard.live import Poller, now_ms
from producers.universe import Asset

STAGES = {"ticks": "Ticks", "features": "Features", "model": "Model", "page": "Page"}
THEME = {
    "primaryColor": "blue",
    "defaultRadius": "md",
    "fontFamily": "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif",
}


def page(poller: Poller, templates: dict[str, Any]) -> Any:
    """The whole page with what is known now already in it, so that the first paint shows prices."""
    universe = poller.universe
    known = stream.props(poller.snapshot, universe, now_ms())

    def live(kind: Any, id: str, **given: Any) -> Any:
        """A component whose live properties start with their present values."""
        now = {prop: value for (name, prop), value in known.items() if name == id}
        return kind(id=id, **{**given, **now})

    return dmc.MantineProvider(
        defaultColorScheme="auto",
        theme=THEME,
        children=html.Div(
            className="page",
            children=[
                _header(live),
                _strip(),
                html.Div(id="offline", className="banner error", hidden=True, role="alert"),
                live(html.Div, "waiting", role="status"),
                html.Main(
                    className="columns",
                    children=[
                        form(universe, presets(universe)),
                        html.Div(
                            className="stack",
                            children=[_result(), _prices(universe.asset, live), _model(live)],
                        ),
                    ],
                ),
                _drift(universe.priced, live),
                html.Footer(
                    "A forecast is a range, not a promise. Figures are computed from past prices "
                    "and are no investment advice."
                ),
                live(dcc.Store, "pulse"),
                live(dcc.Store, "tick"),
                dcc.Store(id="trail", data=stream.trail(poller)),
                dcc.Store(id="fan-figure", data=figures.empty_fan()),
                dcc.Store(id="templates", data=templates),
                dcc.Store(id="scheme-now"),
                html.Div(id="spoken", className="unseen", role="status"),
            ],
        ),
    )


def _panel(name: str, title: str, children: list[Any]) -> Any:
    """A titled box; the title is its name for screen readers too."""
    return html.Section(
        className="panel",
        children=[html.H2(title, id=f"title-{name}"), *children],
        **{"aria-labelledby": f"title-{name}"},
    )


def _header(live: Any) -> Any:
    return html.Header(
        className="header",
        children=[
            html.Div(
                [
                    html.H1("Allocast"),
                    html.P("What may this split of your savings gain or lose?", className="tagline"),
                ]
            ),
            html.Div(
                className="tools",
                children=[
                    live(html.Span, "feed-badge"),
                    dmc.ColorSchemeToggle(
                        id="scheme",
                        lightIcon="\u2600",
                        darkIcon="\u263e",
                        variant="default",
                        size="lg",
                        **{"aria-label": "Switch between light and dark"},
                    ),
                ],
            ),
        ],
    )


def _strip() -> Any:
    """Words and ages are written by assets/live.js, which keeps counting when the server is gone."""
    return html.Ol(
        className="strip",
        **{"aria-label": "How fresh each stage is"},
        children=[
            html.Li(
                id=f"stage-{name}",
                className="stage waiting",
                children=[
                    html.Span(label, className="stage-name"),
                    html.Span(id=f"word-{name}", className="stage-word"),
                    html.Span(id=f"age-{name}", className="stage-age"),
                    html.Span(id=f"detail-{name}", className="stage-detail"),
                ],
            )
            for name, label in STAGES.items()
        ],
    )


def _figure(title: str, value: str, below: str | None = None) -> Any:
    children = [html.Dt(title), html.Dd(id=value, className="number", children="\u2013")]
    if below:
        children.append(html.Dd(id=below, className="below"))
    return html.Div(className="figure", children=children)


def _result() -> Any:
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


def _prices(assets: list[Asset], live: Any) -> Any:
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


def _price_row(asset: Asset, live: Any) -> Any:
    return html.Tr(
        [
            html.Th([asset.name, html.Span(asset.unit, className="unit")], scope="row"),
            live(html.Td, f"price-{asset.id}"),
            live(html.Td, f"change-{asset.id}"),
            html.Td(html.Div(id=f"spark-{asset.id}", className="spark", **{"aria-hidden": "true"})),
            html.Td(id=f"outlook-{asset.id}", className="outlook", children="\u2013"),
        ]
    )


def _model(live: Any) -> Any:
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


def _drift(assets: list[Asset], live: Any) -> Any:
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
