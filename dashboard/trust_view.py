"""View "Can I trust it?": what was said and what came of it, the pool, where the model comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from dash import html

from dashboard import model_view, money
from dashboard.parts import bar, chart, does, later, panel, prose, table
from dashboard.skill import GARCH, WALK, Skill
from producers.universe import Universe
from training.horizons import HORIZONS
from training.said_and_done import EDGES, Matured, Said, Score, scores

Live = Callable[..., Any]
NAMED = (21, 63, 126)  # horizons a saver asks for
FEW = 30  # forecasts of one kind: below, a record says little


def trust(live: Live) -> list[Any]:
    return [
        panel(
            "record",
            "What we said, and what happened",
            [
                later("record-words", "Loading the record."),
                chart(
                    "reliability",
                    "reliability",
                    "Chance of a loss named, against what happened",
                ),
                html.Div(id="record-table"),
            ],
            lead="Every session's forecast is written down at its close and never changed. It is scored when its "
            "horizon has ended.",
            tools=[does("PNG", "png:reliability", "Save the chart as PNG")],
            source="record",
        ),
        panel(
            "model",
            "The model that answers",
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
                html.H3("Who speaks, at your horizon"),
                html.Div(id="members", className="members"),
                html.Div(id="provenance"),
                html.Div(id="earned"),
            ],
            source="model",
        ),
    ]


def pooled(rows: Sequence[Matured]) -> list[Said]:
    """All assets and horizons a saver sees together, by the chance of a loss that was named."""
    return [
        Said(
            low,
            high,
            sum(r.prob_loss for r in chosen) / len(chosen),
            sum(r.loss for r in chosen),
            len(chosen),
        )
        for low, high in pairwise(EDGES)
        if (
            chosen := [
                r
                for r in rows
                if r.horizon != HORIZONS[0] and (low <= r.prob_loss < high or high == 1.0 == r.prob_loss)
            ]
        )
    ]


def words(rows: Sequence[Matured]) -> list[Any]:
    """The record in sentences; nothing before there is one."""
    if not rows:
        return []
    long = [row for row in rows if row.horizon != HORIZONS[0]]
    held = []
    for horizon in sorted({row.horizon for row in rows}):
        inside = [row.inside90 for row in rows if row.horizon == horizon]
        held.append(f"{sum(inside) / len(inside) * 100:.0f} over {sessions(horizon)} ({len(inside):,})")
    lines = [
        f"{len(rows):,} forecasts have come due. The range that should hold 90 of 100 outcomes held "
        f"{', '.join(held)}."
    ]
    for one in pooled(rows):
        lines.append(
            f"When we named about {one.said * 100:.0f} % chance of a loss, it happened "
            f"{one.happened} of {one.of} times ({one.happened / one.of * 100:.0f} %)."
        )
    if not long:
        lines.append(
            "Only forecasts of a single session so far; those of a month come due after 21 sessions."
        )
    lines.append(
        "Forecasts of neighbouring sessions overlap: they are fewer independent cases than it seems."
    )
    return [html.Ul([html.Li(line) for line in lines], className="words")]


def scored(rows: Sequence[Matured], skills: Sequence[Skill], universe: Universe) -> Any:
    """The record as a table per asset and horizon."""
    if not rows:
        return None
    by_case = {(one.symbol, one.horizon, one.reference): one for one in skills}
    lines = []
    for score in scores(rows):
        asset = universe.by_symbol(score.symbol)
        walk, garch = (by_case.get((score.symbol, score.horizon, one)) for one in (WALK, GARCH))
        lines.append(
            [
                f"{asset.name if asset else score.symbol}, {sessions(score.horizon)}",
                f"{score.matured:,}",
                _coverage(score),
                f"{score.left_tail05 * 100:.0f} %",
                _saved_of(walk),
                _p(walk),
                _saved_of(garch),
                _p(garch),
            ]
        )
    head = ["Forecast", "Came due", "90 % range held", "Below the 5 % line"]
    head += ["Skill on a random walk", "p", "Skill on GARCH", "p"]
    return html.Div(
        [
            table(head, lines, "Record per asset and horizon", "numbers"),
            html.P(
                prose(
                    "Skill: how much smaller our error was on these same days than that of a simple rule; below 0 % it "
                    "was larger. The random walk expects of every period what the past ones brought on average; GARCH "
                    "(Gaussian, with the parameters that were logged, so not of the first forecasts) also knows how wild "
                    "the market has been lately. The error is the CRPS, which counts a range that is too wide as well as "
                    "one that is missed. p: the chance of such a difference by luck, overlap allowed for; below 0.05 it is "
                    "hardly luck. Over two decades both are measured by `allocast bench forecast`."
                ),
                className="note",
            ),
        ],
        className="stack",
    )


def sessions(count: int) -> str:
    """A horizon in words.

    >>> sessions(1), sessions(63)
    ('1 session', '63 sessions')
    """
    return "1 session" if count == 1 else f"{count} sessions"


def _coverage(score: Score) -> str:
    return f"{score.coverage90 * 100:.0f} %{' (few)' if score.matured < FEW else ''}"


def _saved_of(skill: Skill | None) -> str:
    return money.NOTHING if skill is None else money.percent(skill.skill)


def _p(skill: Skill | None) -> str:
    if skill is None:
        return money.NOTHING
    if skill.p is None:
        return "too few"
    return f"{skill.p:.3f}" if skill.p >= 0.001 else "< 0.001"


def provenance(manifest: Any) -> Any:
    """Where the model comes from: data, features, gate. None before there is a model."""
    if manifest is None:
        return None
    report: Mapping[str, Any] = manifest.report
    lines = [
        ["Data up to", manifest.as_of_session],
        ["Feed", manifest.feed],
        ["Data hash", html.Code(manifest.data_hash)],
        ["Feature spec", html.Code(manifest.spec_hash)],
        ["Consumer prices up to", manifest.inflation_month],
    ]
    if report.get("gate"):
        lines.append(["Gate", str(report["gate"])])
    saved = _saved(report)
    if saved:
        lines.append(["On sessions no fit had seen", saved])
    return table(["Fact", "Value"], lines, "Where the model comes from", "facts")


def _saved(report: Mapping[str, Any]) -> str:
    """How the pool compares with GARCH alone on the gate's held-out sessions."""
    losses, horizons = report.get("crps") or {}, report.get("horizons") or []
    pool, garch = losses.get("pool"), losses.get("garch_fhs")
    if not pool or not garch:
        return ""
    parts = [
        f"{sessions(horizon)} {money.percent(1 - mine / other)}"
        for horizon, mine, other in zip(horizons, pool, garch, strict=False)
        if horizon in NAMED and mine is not None and other
    ]
    return f"the pool saved of GARCH's CRPS: {', '.join(parts)}" if parts else ""


def earned(found: Mapping[str, Any], universe: Universe, horizon: int) -> Any:
    """Weights and live skill of every member per asset at a horizon, and the labels behind them."""
    rows = []
    for symbol, one in found.items():
        asset = universe.by_symbol(symbol)
        at = list(one.horizons).index(horizon)
        parts = []
        for name, weight in model_view.members({name: values[at] for name, values in one.weights.items()}):
            key = next(n for n in one.weights if model_view.named(n) == name)
            skill = one.skill.get(key, [None] * (at + 1))[at]
            parts.append(
                f"{name} {weight * 100:.0f} % ({'no labels' if skill is None else money.percent(skill)})"
            )
        rows.append([asset.name if asset else symbol, f"{one.matured[at]:,}", "; ".join(parts)])
    if not rows:
        return None
    return html.Details(
        [
            html.Summary("Why these weights"),
            table(
                ["Asset", "Labels", "Weight of each member (loss it saved against the members' mean)"],
                rows,
                "Weights and live skill of the members",
            ),
        ],
        className="more",
    )


def members(weights: Mapping[str, float]) -> list[Any]:
    return [
        html.Div(
            className="member", children=[html.Span(name), bar(weight), html.Span(f"{weight * 100:.0f} %")]
        )
        for name, weight in model_view.members(weights)
    ]
