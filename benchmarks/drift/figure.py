"""False alarms against breaks found: the better a detector, the further up and to the left it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SHOWN = {"volatility_x1_5": "o", "volatility_x2": "s", "mean_-0_3_sd": "^"}
BUDGET = 0.5  # false alarms per year


def draw(result: dict[str, Any], path: Path) -> None:
    """Write an SVG."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    for number, method in enumerate(result["methods"]):
        for change, mark in SHOWN.items():
            axes.errorbar(
                max(method["false_alarms_per_year"], 0.01),
                method[f"{change}_found"],
                fmt=mark,
                color=f"C{number}",
                label=method["method"] if mark == "o" else None,
                markersize=8,
            )
    axes.axvline(BUDGET, linestyle="--", color="grey")
    axes.set_xscale("log")
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("false alarms per clean year (dashed: the budget)")
    axes.set_ylabel("share of breaks found within 126 sessions")
    axes.set_title("circle: volatility x1.5, square: volatility x2, triangle: mean -0.3 sd")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    with matplotlib.rc_context({"svg.hashsalt": "allocast"}):  # the same figures give the same file
        figure.savefig(path, metadata={"Date": None})
