# ruff: noqa: RUF001 - the page writes a true minus sign and an en dash
"""The fan chart's parts."""

import plotly.graph_objects as go

from dashboard import figures
from training.answer import Fan

FAN = Fan([0, 21, 63], [0, -50, -90], [0, -20, -30], [0, 5, 15], [0, 30, 60], [0, 70.123, 140])


def test_it_is_a_valid_plotly_figure() -> None:
    go.Figure(figures.fan(FAN, 63, 1000))
    go.Figure(figures.empty())


def test_bands_lie_between_their_edges() -> None:
    p05, p95, p25, p75, median = figures.fan(FAN, 63, 1000)["data"]
    assert (p05["y"], p95["y"]) == (FAN.p05, [0, 70.12, 140])
    assert (p25["y"], p75["y"]) == (FAN.p25, FAN.p75)
    assert p95["fill"] == p75["fill"] == "tonexty"
    assert median["y"] == FAN.median
    assert median["customdata"][1] == [-50, 70.12]


def test_zero_today_and_horizon_are_marked() -> None:
    layout = figures.fan(FAN, 21, 1000)["layout"]
    assert [(shape["x0"], shape["x1"]) for shape in layout["shapes"]] == [(0, 1), (0, 0), (21, 21)]
    assert [note["text"] for note in layout["annotations"]] == ["today", "your horizon"]


def test_figures_do_not_share_their_layout() -> None:
    figures.fan(FAN, 63, 1000)
    assert len(figures.fan(FAN, 63, 1000)["layout"]["shapes"]) == 3
    assert figures.empty()["layout"]["shapes"] == []


def test_the_summary_is_the_chart_in_words() -> None:
    assert figures.summary(FAN, 1000) == (
        "Profit over the next 63 trading days. At the end the median is +15; "
        "90 of 100 scenarios lie between −90 and +140."
    )
