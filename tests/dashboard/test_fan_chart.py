# ruff: noqa: RUF001 - the page writes a true minus sign and an en dash
"""The fan chart's parts."""

import plotly.graph_objects as go

from dashboard import axes, fan_chart
from training.answer import Fan

FAN = Fan([0, 21, 63], [0, -50, -90], [0, -20, -30], [0, 5, 15], [0, 30, 60], [0, 70.123, 140])


def test_it_is_a_valid_plotly_figure() -> None:
    go.Figure(fan_chart.fan_frame())
    go.Figure(axes.empty())


def test_values_come_in_the_order_of_the_lines() -> None:
    names = [line.get("name") for line in fan_chart.fan_frame()["data"]]
    assert names == [None, "90 of 100", None, "50 of 100", "median", "so far, before inflation"]
    assert fan_chart.fan_values(FAN, 63, 100.0, [-1.234]) == {
        "x": FAN.sessions,
        "y": [FAN.p05, [0, 70.12, 140], FAN.p25, FAN.p75, FAN.median],
        "past": [-1.23],
        "horizon": 63,
        "digits": 2,
    }


def test_what_is_not_shown_is_not_sent() -> None:
    assert fan_chart.fan_values(FAN, 63, 1000.0)["y"][1] == [0, 70, 140]


def test_figures_do_not_share_their_layout() -> None:
    fan_chart.fan_frame()
    assert len(fan_chart.fan_frame()["layout"]["shapes"]) == 3
    assert axes.empty()["layout"]["shapes"] == []


def test_the_summary_is_the_chart_in_words() -> None:
    assert fan_chart.summary(FAN, 1000) == (
        "Profit over the next 63 trading days. At the end the median is +15; "
        "90 of 100 scenarios lie between −90 and +140."
    )
