"""The fan of outcomes: a frame that the browser has once, the numbers that come with every price, the words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard import money
from dashboard.axes import LINE, Figure, base_layout, vertical
from training.answer import Fan

WIDE, NARROW = "rgba(34,139,230,0.18)", "rgba(34,139,230,0.34)"
FACT = "#868e96"
PAST_SESSIONS = 42  # shown before today


def fan_frame() -> Figure:
    """Bands 5-95 % and 25-75 %, the median, the past, today and the horizon, without their numbers.

    The browser has it once and fills in `fan_values` (assets/charts.js), which come with every price. The past is a
    fact, so its line is solid, and the forecast's is dashed. Formats with no decimals get those of the values.
    """
    edge: Figure = {"mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}

    def band(name: str, colour: str) -> Figure:
        return {**edge, "name": name, "fill": "tonexty", "fillcolor": colour, "showlegend": True}

    data: list[Figure] = [
        edge,
        band("90 of 100", WIDE),
        edge,
        band("50 of 100", NARROW),
        {
            "name": "median",
            "mode": "lines+markers",
            "line": {"color": LINE, "width": 2.5, "dash": "dot"},
            "marker": {"size": 6},
            "hovertemplate": (
                "after %{x} trading days<br>median %{y:+,.0f}"
                "<br>90 of 100: %{customdata[0]:+,.0f} to %{customdata[1]:+,.0f}<extra></extra>"
            ),
        },
        {
            "name": "so far, before inflation",
            "mode": "lines",
            "line": {"color": FACT, "width": 2},
            "hovertemplate": "%{y:+,.0f} seen from today<extra></extra>",
        },
    ]
    layout = base_layout()
    layout["shapes"] += [vertical(0, "solid"), vertical(0, "dash")]
    layout["annotations"] = [_label(0, "today", "left"), _label(0, "your horizon", "left")]
    return {"data": data, "layout": layout}


def _label(session: int, text: str, anchor: str) -> Figure:
    return {
        "x": session,
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "xanchor": anchor,
        "text": text,
        "showarrow": False,
    }


def fan_values(
    profit: Fan, horizon_sessions: int, amount: float, past: Sequence[float] = ()
) -> dict[str, Any]:
    """The numbers of the fan. Profits in money, as exact as they are shown.

    x : sessions.      y : 5, 95, 25, 75 % and the median, in the order of the frame's lines.
    past : what the same mix has gained since each of the last sessions, oldest first.
    """
    digits = 0 if amount >= money.SMALL_AMOUNT else 2

    def short(values: Sequence[float]) -> list[float]:
        return [round(value, digits or None) for value in values]

    lines = (profit.p05, profit.p95, profit.p25, profit.p75, profit.median)
    return {
        "x": list(profit.sessions),
        "y": [short(line) for line in lines],
        "past": short(past),
        "horizon": horizon_sessions,
        "digits": digits,
    }


def summary(profit: Fan, amount: float) -> str:
    """The chart in words, for those who cannot see it."""
    last = profit.sessions[-1]
    return (
        f"Profit over the next {last} trading days. At the end the median is "
        f"{money.profit(profit.median[-1], amount)}; 90 of 100 scenarios lie between "
        f"{money.profit(profit.p05[-1], amount)} and {money.profit(profit.p95[-1], amount)}."
    )
