"""The charts as plain Plotly figures. Pure; the browser adds the light or dark template.

Blue and orange are told apart by everyone; every line also differs in its dash or its marker.
"""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.axes import LINE, ZERO, Figure, axis, base_layout, vertical
from dashboard.compare import Figures, Suggested
from training.answer import Suggestion
from training.said_and_done import Said

OTHER = "#e8590c"
COLOURS = ("#228be6", "#e8590c", "#7048e8", "#2b8a3e")  # of the allocations A to D


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
    layout = base_layout()
    layout |= {"showlegend": False, "hovermode": "closest"}
    layout["margin"] = {"l": 8, "r": 12, "t": 8, "b": 44}
    layout["shapes"] = [vertical(0, "solid")]
    layout["xaxis"] = axis(f"profit {kind}{unit}")
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
    layout = base_layout()
    layout["hovermode"] = "closest"
    layout["shapes"] = []
    layout["xaxis"] = axis(f"mean loss in the worst twentieth after inflation{unit}")
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
    layout = base_layout()
    layout |= {"showlegend": False, "hovermode": "closest"}
    layout["margin"] = {"l": 8, "r": 12, "t": 8, "b": 44}
    layout["shapes"] = []
    layout["xaxis"] = axis("chance of a loss that was named, %") | {"range": [-3, 103]}
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
    layout = base_layout()
    layout["xaxis"] = axis("session") | {"type": "date", "tickformat": "%d %b %Y"}
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
