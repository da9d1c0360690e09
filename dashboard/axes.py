"""What the charts have in common: a bare layout, axes, marks. Pure; the browser adds the light or dark template."""

from __future__ import annotations

from typing import Any

LINE = "#228be6"
ZERO = "#868e96"
DAYS = "trading days from today"
Figure = dict[str, Any]


def empty() -> Figure:
    """Nothing at all, for the time before the first answer: bare axes would claim a range."""
    layout = base_layout() | {"uirevision": "empty"}  # otherwise Plotly keeps these axes for what comes
    layout |= {"xaxis": {"visible": False}, "yaxis": {"visible": False}, "shapes": []}
    return {"data": [], "layout": layout}


def base_layout() -> Figure:
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
            "tickvals": [-42, -21, 0, 21, 42, 63, 84, 105, 126],
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


def vertical(session: int, dash: str) -> Figure:
    line = {"color": ZERO, "width": 1, "dash": dash}
    return {"type": "line", "yref": "paper", "x0": session, "x1": session, "y0": 0, "y1": 1, "line": line}


def axis(title: str) -> Figure:
    return {
        "title": {"text": title, "standoff": 6},
        "tickformat": ",~r",
        "zeroline": False,
        "automargin": True,
        "fixedrange": True,
    }
