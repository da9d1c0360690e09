"""View "Drift and models": has the market changed, what is being done about it, which model came when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard import drift_state, figures, model_view, money
from dashboard.events import News
from dashboard.parts import bar, chart, panel, table
from producers.universe import Asset, Universe
from training.events import FINISHED, ModelEvent

Live = Callable[..., Any]


def models(assets: list[Asset], live: Live) -> list[Any]:
    """assets : those with a price; the deposit's rate is not forecast, so nothing can drift from it."""
    return [
        panel(
            "drift",
            "Has the market changed?",
            [
                html.P(id="drift-words", className="sentence small"),
                html.Dl(
                    className="drift",
                    children=[
                        html.Div([html.Dt(asset.name), live(html.Dd, f"drift-{asset.id}")])
                        for asset in assets
                    ],
                ),
                html.Div(id="meters"),
                chart("drift", figures.empty(), "drift-chart", "Detectors over the last sessions"),
                live(html.P, "news-status", className="note"),
            ],
            lead="At every close, yesterday's forecast is compared with what happened. Two detectors per asset add up "
            "the evidence that the forecasts no longer fit.",
        ),
        panel(
            "training",
            "Training",
            [
                html.P(
                    ["Latest event, ", live(html.Span, "event-since"), ": ", live(html.Span, "event-line")]
                ),
                html.Div(id="progress"),
                html.Div(
                    className="operator-only actions",
                    children=[
                        dmc.Button("Retrain now", id="retrain", variant="filled"),
                        dmc.Select(
                            id="rollback-version",
                            data=[],
                            placeholder="Earlier model",
                            w=230,
                            **{"aria-label": "Model to roll back to"},
                        ),
                        dmc.Button("Roll back", id="rollback", variant="default"),
                    ],
                ),
                html.P(
                    "Retraining and rolling back need the operator's login.", className="viewer-only note"
                ),
                html.P(id="action-answer", className="note", role="status"),
            ],
        ),
        panel(
            "history",
            "Models so far",
            [html.Div(id="events")],
            lead="Every request and what became of it, from the log that is kept for ever.",
        ),
    ]


def meters(news: News, universe: Universe) -> Any:
    """Every detector's distance to its alarm."""
    rows = []
    for asset in universe.priced:
        for detector, words in model_view.DETECTORS.items():
            report = news.drift.get((asset.id, detector))
            if report is None:
                continue
            share = drift_state.nearness(report)
            mark = "▲ alarm" if report.alarm else f"{share * 100:.0f} % of the way"
            meter = html.Div([bar(share, "hot" if report.alarm else ""), html.Span(mark)], className="meter")
            rows.append(
                [
                    f"{asset.name}, {words}",
                    meter,
                    model_view.level(report.value),
                    model_view.level(report.threshold),
                ]
            )
    if not rows:
        return html.P(
            "No reports yet. The first comes at the close of the session after the first model.",
            className="empty",
        )
    head = ["Detector", "Distance to an alarm", "Evidence", "Alarm from"]
    return table(head, rows, "Drift detectors and their thresholds", "numbers")


def drift_lines(news: News, universe: Universe) -> list[tuple[str, list[str], list[float]]]:
    """The chart's lines, one per asset and detector."""
    lines = []
    for detector, words in model_view.DETECTORS.items():
        for asset in universe.priced:
            known = news.reports.get((asset.id, detector), ())
            if known:
                dates = [model_view.session(one.session_date) for one in known]
                shares = [one.value / one.threshold if one.threshold else 0.0 for one in known]
                lines.append((f"{asset.name}, {words}", dates, shares))
    return lines


def progress(events: Sequence[ModelEvent]) -> Any:
    """A bar while a training runs; nothing otherwise."""
    newest = events[-1] if events else None
    if newest is None or newest.kind in FINISHED or newest.final or newest.kind == "rolled back":
        return None
    done = newest.progress or 0.0
    words = newest.detail or model_view.EVENTS.get(newest.kind, newest.kind)
    return html.Div(
        className="meter",
        children=[
            html.Progress(value=str(round(done, 3)), max="1", **{"aria-label": "Progress of the training"}),
            html.Span(f"{done * 100:.0f} %, {words}"),
        ],
    )


def history(events: Sequence[ModelEvent]) -> Any:
    """Newest first; progress is left out."""
    rows = [
        [
            datetime.fromtimestamp(one.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            model_view.EVENTS.get(one.kind, one.kind),
            one.version or money.NOTHING,
            model_view.because(one.reason) if one.reason else money.NOTHING,
            one.detail or money.NOTHING,
        ]
        for one in reversed(events)
        if one.kind != "training"
    ]
    if not rows:
        return html.P(
            "Nothing yet. The first model is asked for when the history is loaded.", className="empty"
        )
    return table(["When (UTC)", "What", "Version", "Because", "Detail"], rows, "History of the models", "log")
