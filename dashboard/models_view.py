"""View "Drift and models": has the market changed, what is being done about it, which model came when."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard import drift_state, training_words
from dashboard.events import News
from dashboard.parts import bar, chart, does, panel, table
from dashboard.shadow import standing, standing_of
from dashboard.view import sentence
from producers.universe import Asset, Universe
from training.events import SHADOW, ModelEvent
from training.forecast_log import Forecast

Live = Callable[..., Any]


def models(assets: list[Asset], live: Live) -> list[Any]:
    """assets : those with a price; the deposit's rate is not forecast, so nothing can drift from it."""
    return [
        panel(
            "drift",
            "Has the market changed?",
            [
                html.P(id="drift-words", className="sentence small"),
                html.P(id="policy-words", className="note"),
                html.Dl(
                    className="drift",
                    children=[
                        html.Div([html.Dt(asset.name), live(html.Dd, f"drift-{asset.id}")])
                        for asset in assets
                    ]
                    + [html.Div([html.Dt("All assets together"), live(html.Dd, "drift-all")])],
                ),
                html.Div(id="meters"),
                html.Div(id="informed"),
                html.Div(id="known"),
                chart("drift", "drift-chart", "Detectors over the last sessions"),
            ],
            lead="At every close, yesterday's forecast is compared with what happened. Detectors of each asset and "
            "of all together gather evidence that the forecasts no longer fit: it multiplies, so the way to an alarm is "
            "counted in factors of ten. One that stays above asks again when the policy allows it.",
            tools=[does("PNG", "png:drift", "Save the chart as PNG")],
            source="drift",
        ),
        panel(
            "training",
            "Training",
            [
                html.P(
                    ["Latest event, ", live(html.Span, "event-since"), ": ", live(html.Span, "event-line")],
                    className="latest",
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
                        dmc.Button("Roll back", id="rollback", variant="default", disabled=True),
                    ],
                ),
                html.P(
                    "Retraining and rolling back need the operator's login.", className="viewer-only note"
                ),
                html.P(id="no-earlier", className="operator-only note"),
                html.P(id="action-answer", className="note", role="status"),
            ],
            source="training",
        ),
        panel(
            "history",
            "Models so far",
            [html.Div(id="events")],
            lead="Every request and what became of it, from the log of models, which lasts as long as its broker.",
            source="history",
        ),
        panel(
            "chain",
            "How a model came to be",
            [
                dmc.Select(
                    id="chain-version",
                    data=[],
                    placeholder="The model in use",
                    clearable=True,
                    w=290,
                    **{"aria-label": "Model whose chain is shown"},
                ),
                html.P(id="chain-error", className="form-error", role="status"),
                html.Div(id="chain"),
            ],
            lead="From the alarm to the decision, from the model's files and the logs. "
            "`allocast models show VERSION --replay` computes it all again.",
            source="history",
        ),
    ]


def meters(news: News, universe: Universe) -> Any:
    """Every detector's distance to its alarm; nothing before the first report."""
    rows = []
    newest = drift_state.newest_session(news)
    for (asset, detector), report in drift_state.judging(news, universe).items():
        alarm = report.alarm and report.session_date == newest
        share = drift_state.nearness(report)
        mark = "▲ alarm" if alarm else f"{share * 100:.0f} % of the way"
        if report.session_date != newest:
            mark += f", in session {drift_state.session(report.session_date)}"
        rows.append(
            [
                f"{drift_state.asset_name(asset, universe)}, {drift_state.detector_name(detector)}",
                html.Div([bar(share, "hot" if alarm else ""), html.Span(mark)], className="meter"),
                drift_state.level(report.value),
                drift_state.level(report.threshold),
            ]
        )
    if not rows:
        return None
    head = ["Detector", "Way to an alarm", "Evidence", "Alarm from"]
    return table(head, rows, "Drift detectors and their thresholds", "numbers")


def informed(news: News, universe: Universe) -> Any:
    """What is compared for a reader and never is an alarm. Nothing before the first comparison."""
    rows = [
        [
            f"{drift_state.asset_name(asset, universe)}, {drift_state.detector_name(detector)}",
            "a change" if report.alarm else "no change",
            drift_state.session(report.session_date),
            drift_state.level(report.value),
            drift_state.level(report.threshold),
        ]
        for (asset, detector), report in drift_state.informing(news, universe).items()
    ]
    if not rows:
        return None
    head = ["Comparison", "Finds", "In session", "Value", "A change from"]
    return html.Details(
        [
            html.Summary("For information: what else is compared"),
            html.P(
                "Once a month the newest moves are compared with the years before. This asks for nothing: a model may "
                "forecast changed moves well.",
                className="note",
            ),
            table(head, rows, "Comparisons that only inform", "numbers"),
        ],
        className="more",
    )


def known(news: News, universe: Universe) -> Any:
    """River's detectors, for a reader who knows them. Nothing before their first session."""
    rows = [
        [
            f"{drift_state.asset_name(asset, universe)}, {drift_state.detector_name(detector)}",
            drift_state.session(found) if found else "none",
            str(looked),
        ]
        for (asset, detector), (found, looked) in drift_state.known_changes(news, universe).items()
    ]
    if not rows:
        return None
    return html.Details(
        [
            html.Summary("For comparison: detectors that are widely used"),
            html.P(
                "They have no guarantee of how seldom they are wrong, so they ask for nothing.",
                className="note",
            ),
            table(["Detector", "Last change found", "Sessions seen"], rows, "Known detectors", "numbers"),
        ],
        className="more",
    )


def drift_lines(news: News, universe: Universe) -> list[tuple[str, list[str], list[float]]]:
    """The chart's lines, one per detector that may ask for a training."""
    lines = []
    for asset, detector in drift_state.judging(news, universe):
        known = news.reports[asset, detector]
        dates = [drift_state.session(one.session_date) for one in known]
        shares = [one.value / one.threshold if one.threshold else 0.0 for one in known]
        name = f"{drift_state.asset_name(asset, universe)}, {drift_state.detector_name(detector)}"
        lines.append((name, dates, shares))
    return lines


def progress(news: News, trial: Sequence[Forecast], shadow_sessions: int) -> Any:
    """What is under way: a bar while a model is trained, a sentence while it waits, its standing while it is watched.

    trial : forecasts of challenger and champion.      shadow_sessions : after which it is judged.
    """
    newest = news.latest
    if newest is not None and newest.kind == "training" and not newest.final:
        done = newest.progress or 0.0
        words = sentence(newest.detail) or f"{training_words.EVENTS['training']}."
        return html.Div(
            className="meter",
            children=[
                html.Progress(
                    value=str(round(done, 3)), max="1", **{"aria-label": "Progress of the training"}
                ),
                html.Span(f"{done * 100:.0f} %. {words}"),
            ],
        )
    if newest is not None and newest.kind == "requested":
        return html.P("The training begins when the history has been processed and the one before has ended.")
    shadow = _shadow(news.events)
    if shadow is None:
        return None
    return standing_of(standing(trial, shadow.version, shadow.at_ms), shadow.version, shadow_sessions)


def _shadow(events: Sequence[ModelEvent]) -> ModelEvent | None:
    """The model in its shadow, None when the last one was judged."""
    judged = {one.idempotency_key for one in events if one.final}
    last = next((one for one in reversed(events) if one.kind == SHADOW), None)
    return None if last is None or last.idempotency_key in judged else last


def history(events: Sequence[ModelEvent], kept: Collection[str] = ()) -> Any:
    """Newest first; nothing before the first event. kept : versions whose files are still there."""
    rows = [
        [
            datetime.fromtimestamp(one.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            training_words.EVENTS.get(one.kind, one.kind),
            _version(one.version, kept) if one.version else "",
            training_words.because(one.reason) if one.reason else "",
            sentence(one.detail),
        ]
        for one in reversed(events)
    ]
    if not rows:
        return None
    return table(["When (UTC)", "What", "Version", "Because", "Detail"], rows, "History of the models", "log")


def _version(version: str, kept: Collection[str]) -> Any:
    """A version as a button that shows its chain, where its files are kept."""
    return does(version, f"chain:{version}", f"How {version} came to be") if version in kept else version
