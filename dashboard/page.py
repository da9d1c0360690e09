"""The layout: header, status strip, five views. No logic; the ids are what tests and the stream rely on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard import axes, compare_view, fan_chart, health_view, models_view, money_view, stream, trust_view
from dashboard.allocation import presets
from dashboard.asked import default
from dashboard.form import form
from dashboard.live import Poller, now_ms
from dashboard.money_callbacks import Told

STAGES = {"ticks": "Ticks", "features": "Features", "model": "Model", "page": "Page"}
VIEWS = {
    "money": "Your money",
    "compare": "Compare",
    "trust": "Can I trust it?",
    "models": "Drift and models",
    "health": "Pipeline",
}
CHARTS = ("fan", "ranges", "frontier", "reliability", "drift")
THEME = {
    "primaryColor": "blue",
    "primaryShade": {"light": 9, "dark": 8},
    "defaultRadius": "md",
    "fontFamily": "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif",
    "autoContrast": True,
    "respectReducedMotion": True,
}


def page(poller: Poller, templates: dict[str, Any], told: Sequence[Told] = ()) -> Any:
    """The whole page with what is known now already in it, so that the first paint shows prices and figures.

    told : the first answer.
    """
    universe = poller.universe
    snapshot, at = poller.snapshot, now_ms()
    known = stream.props(snapshot, universe, at)
    start, ready = default(universe), presets(universe)

    def live(kind: Any, id: str, **given: Any) -> Any:
        """A component whose live properties start with their present values."""
        now = {prop: value for (name, prop), value in known.items() if name == id}
        return kind(id=id, **{**given, **now})

    views = {
        "money": html.Div(
            className="columns",
            children=[
                form(universe, ready, start),
                html.Div(
                    className="stack",
                    children=[
                        money_view.result(),
                        money_view.risk(),
                        money_view.prices(universe.asset, live),
                    ],
                ),
            ],
        ),
        "compare": html.Div(className="stack", children=compare_view.compare(universe, ready, start)),
        "trust": html.Div(className="stack", children=trust_view.trust(live)),
        "models": html.Div(className="stack", children=models_view.models(universe.priced, live)),
        "health": html.Div(className="stack", children=health_view.health()),
    }
    whole = dmc.MantineProvider(
        defaultColorScheme="auto",
        theme=THEME,
        children=html.Div(
            className="page",
            children=[
                html.A("Skip to the figures", href="#main", className="skip"),
                _header(live),
                _strip(),
                html.Div(id="offline", className="banner error", hidden=True, role="alert"),
                live(html.Div, "waiting", role="status"),
                html.Div(id="notice", className="unseen", role="status"),
                html.Main(id="main", tabIndex="-1", children=_views(views)),
                html.Footer(
                    "A forecast is a range, not a promise. Figures are computed from past prices "
                    "and are no investment advice."
                ),
                dcc.Location(id="url", refresh=False),
                dcc.Store(id="query"),
                dcc.Store(id="opened"),
                *[dcc.Store(id=f"go-{name}") for name in (*VIEWS, "frontier")],
                dcc.Store(id="visible"),
                dcc.Store(id="answer"),
                dcc.Store(id="lasting"),
                dcc.Store(id="fan-values"),
                dcc.Store(id="fan-frame", data=fan_chart.fan_frame()),
                dcc.Store(id="go-address"),
                dcc.Store(id="address"),
                dcc.Store(id="pulse", data={**stream.beat(snapshot, universe, at), "set": []}),
                live(dcc.Store, "tick"),
                live(dcc.Store, "slow-tick"),
                live(dcc.Store, "news-tick"),
                live(dcc.Store, "health-tick"),
                live(dcc.Store, "frontier-tick"),
                dcc.Store(id="trail", data=stream.trail(poller)),
                *[dcc.Store(id=f"{name}-figure", data=axes.empty()) for name in CHARTS],
                dcc.Store(id="suggested"),
                dcc.Store(id="templates", data=templates),
                dcc.Store(id="scheme-now"),
                html.Div(id="spoken", className="unseen", role="status"),
            ],
        ),
    )
    for component, prop, value in told:
        setattr(whole[component], prop, value)
    return whole


def _views(views: dict[str, Any]) -> Any:
    return dmc.Tabs(
        id="view",
        value="money",
        keepMounted=True,
        className="views",
        children=[
            dmc.TabsList(
                [dmc.TabsTab(label, value=name, id=f"tab-{name}") for name, label in VIEWS.items()],
                className="nav",
                **{"aria-label": "Views"},
            ),
            *[dmc.TabsPanel(views[name], value=name) for name in VIEWS],
        ],
    )


def _header(live: Any) -> Any:
    return html.Header(
        className="header",
        children=[
            html.Div(
                className="brand",
                children=[
                    html.Span(className="logo", **{"aria-hidden": "true"}),
                    html.Div(
                        [
                            html.H1("Allocast"),
                            html.P("What may this split of your savings gain or lose?", className="tagline"),
                        ]
                    ),
                ],
            ),
            html.Div(
                className="tools",
                children=[
                    live(html.Span, "feed-badge"),
                    html.A("Log out", href="logout", className="quiet-button logged-in"),
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
    """Words and ages are written by assets/panels.js, which keeps counting when the server is gone."""
    stages = html.Ol(
        className="strip",
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
    return html.Section(stages, **{"aria-label": "How fresh each stage is"})
