"""The fan chart as a plain Plotly figure. Pure; the browser adds the light or dark template.

Colours are one hue (blue, told apart by everyone) in two strengths, and work on both backgrounds.
"""

from __future__ import annotations

from typing import Any

from dashboard import money
from training.answer import Fan

WIDE, NARROW, LINE = "rgba(34,139,230,0.18)", "rgba(34,139,230,0.34)", "#228be6"
ZERO = "#868e96"
DAYS = "trading days from today"

Figure = dict[str, Any]


def empty_fan() -> Figure:
    """Nothing at all, for the time before the first answer: bare axes would claim a range."""
    layout = _layout()
    layout |= {"xaxis": {"visible": False}, "yaxis": {"visible": False}, "shapes": []}
    return {"data": [], "layout": layout}


def fan(profit: Fan, horizon_sessions: int, amount: float) -> Figure:
    """Bands 5-95 % and 25-75 %, the median, today and the chosen horizon. Profits in money."""
    edge = {"mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
    digits = 0 if amount >= money.SMALL_AMOUNT else 2
    x = profit.sessions
    data = [
        {**edge, "x": x, "y": _round(profit.p05)},
        {
            **edge,
            "x": x,
            "y": _round(profit.p95),
            "name": "90 of 100",
            "fill": "tonexty",
            "fillcolor": WIDE,
            "showlegend": True,
        },
        {**edge, "x": x, "y": _round(profit.p25)},
        {
            **edge,
            "x": x,
            "y": _round(profit.p75),
            "name": "50 of 100",
            "fill": "tonexty",
            "fillcolor": NARROW,
            "showlegend": True,
        },
        {
            "x": x,
            "y": _round(profit.median),
            "name": "median",
            "mode": "lines+markers",
            "line": {"color": LINE, "width": 2.5},
            "marker": {"size": 5},
            "customdata": [list(band) for band in zip(_round(profit.p05), _round(profit.p95), strict=True)],
            "hovertemplate": (
                f"after %{{x}} trading days<br>median %{{y:+,.{digits}f}}"
                f"<br>90 of 100: %{{customdata[0]:+,.{digits}f}} to %{{customdata[1]:+,.{digits}f}}<extra></extra>"
            ),
        },
    ]
    layout = _layout()
    layout["xaxis"]["range"] = [-max(x) * 0.02, max(x) * 1.02]
    layout["shapes"] += [_vertical(0, "solid"), _vertical(horizon_sessions, "dash")]
    layout["annotations"] = [
        _label(0, "today", "left"),
        _label(horizon_sessions, "your horizon", "right" if horizon_sessions > max(x) / 2 else "left"),
    ]
    return {"data": data, "layout": layout}


def summary(profit: Fan, amount: float) -> str:
    """The chart in words, for those who cannot see it."""
    last = profit.sessions[-1]
    return (
        f"Profit over the next {last} trading days. At the end the median is "
        f"{money.profit(profit.median[-1], amount)}; 90 of 100 scenarios lie between "
        f"{money.profit(profit.p05[-1], amount)} and {money.profit(profit.p95[-1], amount)}."
    )


def _round(values: list[float]) -> list[float]:
    return [round(value, 2) for value in values]


def _layout() -> Figure:
    return {
        "autosize": True,
        "margin": {"l": 8, "r": 12, "t": 28, "b": 72},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "x unified",
        "dragmode": False,
        "uirevision": "fan",
        "legend": {
            "orientation": "h",
            "x": 0.5,
            "xanchor": "center",
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "traceorder": "reversed",
            "font": {"size": 11},
        },
        "xaxis": {
            "title": {"text": DAYS, "standoff": 6},
            "tickvals": [0, 21, 42, 63, 84, 105, 126],
            "zeroline": False,
            "automargin": True,
            "fixedrange": True,
        },
        "yaxis": {"tickformat": ",~r", "zeroline": False, "automargin": True, "fixedrange": True},
        "shapes": [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": 0,
                "y1": 0,
                "line": {"color": ZERO, "width": 1.5},
            }
        ],
    }


def _vertical(session: int, dash: str) -> Figure:
    line = {"color": ZERO, "width": 1, "dash": dash}
    return {"type": "line", "yref": "paper", "x0": session, "x1": session, "y0": 0, "y1": 1, "line": line}


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
