"""The evaluation as one self-contained HTML page: skill, skill over time, calibration, tables."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from benchmarks.forecast.scores import JUDGED, UNIT, losses, relative
from producers.sessions import nyse
from training import recalibration
from training.horizons import HORIZONS, FloatArray
from training.walk_forward import Track

SHOWN = ("pool", "pool_without_lstm", "lstm", "garch_fhs", "har", "climatology", "random_walk")
BINS = 10
STYLE = (
    "body{font-family:sans-serif;margin:2rem auto;max-width:60rem}td,th{padding:.2rem .6rem;text-align:right}"
)


def html(result: Mapping[str, Any], track: Track) -> str:
    """The page. Works without a network: the plotting library is inside."""
    names = [name for name in SHOWN if name in track.quantiles]
    figures = [_skill_over_time(track, names), _calibration(track, names)]
    drawn = [
        figure.to_html(full_html=False, include_plotlyjs="inline" if number == 0 else False)
        for number, figure in enumerate(figures)
    ]
    tables = "".join(_table(result, names, str(h)) for h in JUDGED)
    tried = ", ".join(f"{name} {count}" for name, count in result["ideas_tried"].items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Forecast evaluation</title><style>{STYLE}'
        f"</style><h1>Forecast evaluation</h1><p>{escape(result['test_from'])} to {escape(result['test_to'])}, "
        f"{result['origins']} origins every 21 sessions, embargo {result['embargo']} sessions, data "
        f"{escape(result['data_hash'])}. Ideas tried before the test period: {escape(tried)}.</p>"
        f"{tables}{''.join(drawn)}{_lstm(result)}{_joint(result)}{_old_recipe(result)}</html>"
    )


def _table(result: Mapping[str, Any], names: list[str], horizon: str) -> str:
    assets = list(result[names[0]][horizon]["assets"])
    head = ["", "skill vs random walk", "t", "skill vs GARCH-FHS", "t", "90 % held", "below 5 %", *assets]
    rows = []
    for name in names:
        one = result[name][horizon]
        cells = [
            f"{one['skill_vs_rw']:+.2%}",
            f"{one['t_vs_rw']:+.1f}",
            f"{one['skill_vs_garch_fhs']:+.2%}",
            f"{one['t_vs_garch_fhs']:+.1f}",
            f"{one['coverage90']:.1%}",
            f"{one['left_tail05']:.1%}",
            *(
                f"{one['assets'][asset]['skill_vs_rw']:+.2%}" if asset in one["assets"] else ""
                for asset in assets
            ),
        ]
        rows.append(f"<tr><th>{escape(name)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    header = "".join(f"<th>{escape(text)}</th>" for text in head)
    return f"<h2>{horizon} sessions</h2><table><tr>{header}</tr>{''.join(rows)}</table>"


def _lstm(result: Mapping[str, Any]) -> str:
    if "lstm_contribution" not in result:
        return ""
    lines = []
    for horizon, one in result["lstm_contribution"].items():
        spread = result["lstm_seeds_skill_vs_rw"][horizon]
        each = f"; skill of single networks {min(spread):+.2%} to {max(spread):+.2%}" if spread else ""
        lines.append(
            f"<li>{horizon} sessions: with it the pool saves {one['skill']:+.3%} (t {one['t']:+.1f}){each}</li>"
        )
    return f"<h2>What the LSTM adds</h2><ul>{''.join(lines)}</ul>"


def _joint(result: Mapping[str, Any]) -> str:
    lines = [
        f"<li>{horizon} sessions, {one['origins']} origins: energy score {one['energy_skill_vs_independent']:+.2%} "
        f"better than independent assets (t {one['energy_t']:+.1f}); real profit of 12 allocations "
        f"{one['profit_skill_vs_rw']:+.2%} better than a correlated random walk (t {one['profit_t']:+.1f})</li>"
        for horizon, one in result["joint"].items()
        if one["origins"]
    ]
    return f"<h2>Joint scenarios</h2><ul>{''.join(lines)}</ul>"


def _old_recipe(result: Mapping[str, Any]) -> str:
    if "old_recipe" not in result:
        return ""
    lines = "".join(
        f"<li>{escape(name)}: {one['ratio_to_no_change']:.2f} times the error of no change</li>"
        for name, one in result["old_recipe"]["assets"].items()
    )
    return f"<h2>An LSTM on min-max-scaled prices, {result['old_recipe']['horizon']} sessions</h2><ul>{lines}</ul>"


def _skill_over_time(track: Track, names: list[str]) -> Any:
    """Losses saved against the random walk, summed up: who earns steadily, who was lucky once."""
    figure = go.Figure()
    dates = nyse().date[track.origins].astype(str).tolist()
    column = HORIZONS.index(JUDGED[0])
    loss = {name: losses(track, q)[:, :, column] for name, q in track.quantiles.items()}
    for name in names:
        if name != UNIT:
            own, other = relative(loss, name, UNIT)
            saved = np.cumsum(np.nan_to_num(other - own)) / max(1, int(np.isfinite(own).sum()))
            figure.add_scatter(x=dates, y=saved.tolist(), name=name)
    figure.update_layout(title=f"CRPS saved against the random walk, cumulative, {JUDGED[0]} sessions")
    figure.update_yaxes(tickformat="+.1%")
    return figure


def _calibration(track: Track, names: list[str]) -> Any:
    """Shares of outcomes by the level at which they fell; a calibrated forecaster is flat."""
    figure = go.Figure()
    edges = np.linspace(0, 1, BINS + 1)
    for horizon in JUDGED:
        for name in names:
            shares = _levels(track, track.quantiles[name], HORIZONS.index(horizon))
            count = np.histogram(shares, edges)[0] / max(1, len(shares))
            figure.add_bar(
                x=((edges[1:] + edges[:-1]) / 2).tolist(),
                y=count.tolist(),
                name=f"{name}, {horizon}",
                visible=True if name == names[0] else "legendonly",
            )
    figure.add_hline(y=1 / BINS, line_dash="dash")
    figure.update_layout(title="Where outcomes fell (probability integral transform)")
    return figure


def _levels(track: Track, quantiles: FloatArray, column: int) -> FloatArray:
    q = quantiles[:, :, column].reshape(-1, quantiles.shape[-1])
    level = recalibration.transform(q, track.outcome[:, :, column].reshape(-1))
    return level[np.isfinite(level)]
