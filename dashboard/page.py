"""The layout: header, status strip, form and panels. No logic; the ids are what tests and the stream rely on."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard import figures, panels, stream
from dashboard.allocation import presets
from dashboard.form import form
from dashboard.live import Poller, now_ms

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
                            children=[
                                panels.result(),
                                panels.prices(universe.asset, live),
                                panels.model(live),
                            ],
                        ),
                    ],
                ),
                panels.drift(universe.priced, live),
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
