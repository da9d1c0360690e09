"""The charts as plain Plotly figures. Pure; the browser adds the light or dark template.

Blue and orange are told apart by everyone; every line also differs in its dash or its marker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard import money
from dashboard.compare import Figures, Suggested
from training.answer import Fan, Suggestion
from training.said_and_done import Said

WIDE, NARROW, LINE = "rgba(34,139,230,0.18)", "rgba(34,139,230,0.34)", "#228be6"
ZERO = "#868e96"
FACT = "#868e96"
OTHER = "#e8590c"
DAYS = "trading days from today"
PAST_SESSIONS = 42  # shown before today
COLOURS = ("#228be6", "#e8590c", "#7048e8", "#2b8a3e")  # of the allocations A to D

Figure = dict[str, Any]


def empty() -> Figure:
    """Nothing at all, for the time before the first answer: bare axes would claim a range."""
    layout = _layout() | {"uirevision": "empty"}  # otherwise Plotly keeps these axes for what comes
    layout |= {"xaxis": {"visible": False}, "yaxis": {"visible": False}, "shapes": []}
    return {"data": [], "layout": layout}


def fan_frame() -> Figure:
    """Bands 5-95 % and 25-75 %, the median, the past, today and the horizon, without their numbers.

    The browser has it once and fills in `fan_values` (assets/live.js), which come with every price. The past is a
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
    layout = _layout()
    layout["shapes"] += [_vertical(0, "solid"), _vertical(0, "dash")]
    layout["annotations"] = [_label(0, "today", "left"), _label(0, "your horizon", "left")]
    return {"data": data, "layout": layout}


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


def ranges(found: Sequence[tuple[str, Figures]], unit: str, kind: str) -> Figure:
    """Each allocation's 90 and 50 of 100 scenarios as bars, its median as a marker. Profit in money.

    kind : after or before inflation.
    """
    data: list[Figure] = []
    for at, (name, one) in enumerate(found):
        colour = COLOURS[at]
        data += [
            {
                "x": [one.p05, one.p95],
                "y": [name, name],
                "mode": "lines",
                "line": {"color": colour, "width": 6},
                "opacity": 0.35,
                "hoverinfo": "skip",
            },
            {
                "x": [one.p25, one.p75],
                "y": [name, name],
                "mode": "lines",
                "line": {"color": colour, "width": 14},
                "opacity": 0.6,
                "hoverinfo": "skip",
            },
            {
                "x": [one.median],
                "y": [name],
                "mode": "markers",
                "marker": {
                    "color": colour,
                    "size": 13,
                    "symbol": "diamond",
                    "line": {"width": 2, "color": "#fff"},
                },
                "hovertemplate": "median %{x:+,.0f}<extra></extra>",
            },
        ]
    layout = _layout()
    layout |= {"showlegend": False, "hovermode": "closest"}
    layout["margin"] = {"l": 8, "r": 12, "t": 8, "b": 44}
    layout["shapes"] = [_vertical(0, "solid")]
    layout["xaxis"] = _axis(f"profit {kind}{unit}")
    layout["yaxis"] = {"autorange": "reversed", "type": "category", "automargin": True, "fixedrange": True}
    return {"data": data, "layout": layout}


def frontier(found: Suggestion, suggested: Suggested | None, unit: str) -> Figure:
    """Mean profit over the mean loss of the worst twentieth, both in money."""
    points = sorted(found.frontier, key=lambda one: one.cvar95)
    data: list[Figure] = [
        {
            "x": [one.cvar95 for one in points],
            "y": [one.real_mean for one in points],
            "text": [_mix(one.weights) for one in points],
            "name": "efficient mixes",
            "mode": "lines+markers",
            "line": {"color": ZERO, "width": 2},
            "hovertemplate": "%{text}<extra></extra>",
        },
        {
            "x": [found.own.cvar95],
            "y": [found.own.real_mean],
            "name": "yours",
            "mode": "markers",
            "marker": {"color": LINE, "size": 15, "symbol": "diamond"},
            "hovertemplate": "yours<extra></extra>",
        },
    ]
    if suggested is not None:
        data.append(
            {
                "x": [suggested.cvar95],
                "y": [suggested.real_mean],
                "text": [_mix(suggested.weights)],
                "name": "same profit, less risk",
                "mode": "markers",
                "marker": {"color": OTHER, "size": 15, "symbol": "star"},
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    layout = _layout()
    layout["hovermode"] = "closest"
    layout["shapes"] = []
    layout["xaxis"] = _axis(f"mean loss in the worst twentieth after inflation{unit}")
    layout["yaxis"] |= {"title": {"text": f"mean profit after inflation{unit}"}}
    return {"data": data, "layout": layout}


def reliability(found: Sequence[Said]) -> Figure:
    """What was said against what happened; on the diagonal both agree. The marker grows with the number."""
    data: list[Figure] = [
        {
            "x": [0, 100],
            "y": [0, 100],
            "mode": "lines",
            "line": {"color": ZERO, "width": 1.5, "dash": "dash"},
            "hoverinfo": "skip",
            "name": "as said",
        },
        {
            "x": [round(100 * one.said, 1) for one in found],
            "y": [round(100 * one.happened / one.of, 1) for one in found],
            "text": [f"{one.happened} of {one.of}" for one in found],
            "mode": "markers",
            "marker": {
                "color": LINE,
                "size": [min(34, 8 + one.of**0.5 * 2) for one in found],
                "opacity": 0.8,
            },
            "hovertemplate": "said %{x:.0f} %, happened %{text}<extra></extra>",
            "name": "forecasts",
        },
    ]
    layout = _layout()
    layout |= {"showlegend": False, "hovermode": "closest"}
    layout["margin"] = {"l": 8, "r": 12, "t": 8, "b": 44}
    layout["shapes"] = []
    layout["xaxis"] = _axis("chance of a loss that was named, %") | {"range": [-3, 103]}
    layout["yaxis"] |= {"title": {"text": "how often it was a loss, %"}, "range": [-3, 103]}
    return {"data": data, "layout": layout}


def drift(lines: Sequence[tuple[str, Sequence[str], Sequence[float]]]) -> Figure:
    """Detectors over the sessions, as a share of their threshold: name, dates, shares. 1 is an alarm."""
    dashes = ("solid", "dot", "dash", "dashdot")
    data: list[Figure] = [
        {
            "x": list(dates),
            "y": [max(1e-4, round(one, 5)) for one in shares],
            "name": name,
            "mode": "lines",
            "line": {"width": 2, "dash": dashes[at // len(COLOURS) % 4], "color": COLOURS[at % len(COLOURS)]},
        }
        for at, (name, dates, shares) in enumerate(lines)
    ]
    layout = _layout()
    layout["xaxis"] = _axis("session") | {"type": "date", "tickformat": "%d %b %Y"}
    layout["yaxis"] |= {
        "type": "log",
        "title": {"text": "share of the alarm's threshold"},
        "tickformat": "~r",
    }
    layout["shapes"] = [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": 1,
            "y1": 1,
            "line": {"color": OTHER, "width": 2, "dash": "dash"},
        }
    ]
    return {"data": data, "layout": layout}


def _mix(weights: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.0f} %" for name, value in weights.items() if value >= 0.5)


def _axis(title: str) -> Figure:
    return {
        "title": {"text": title, "standoff": 6},
        "tickformat": ",~r",
        "zeroline": False,
        "automargin": True,
        "fixedrange": True,
    }
