"""View "Compare": up to four allocations on the same scenarios, the frontier, what crises did to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard import money
from dashboard.allocation import Preset
from dashboard.asked import OTHERS, Asked
from dashboard.compare import LABELS, Difference, Figures, Suggested
from dashboard.parts import chart, does, later, panel, since, table
from dashboard.stress import WINDOWS, Stress
from producers.universe import Universe

SLOTS = LABELS[1 : OTHERS + 1]


def compare(universe: Universe, presets: list[Preset], start: Asked) -> list[Any]:
    return [
        panel(
            "compare",
            "Compare",
            [
                html.Div(className="grid-scroll", children=_grid(universe, presets, start)),
                html.P(id="compare-error", className="form-error", role="alert"),
                html.Div(
                    id="compare-figures",
                    children=[
                        chart("ranges", "ranges", "Range of profits of each allocation"),
                        html.Div(id="compare-table"),
                    ],
                ),
            ],
            [does("PNG", "png:ranges", "Save the chart as PNG")],
            lead="A is your money on the first page. All are followed through the same scenarios, so a difference does "
            "not come from the luck of the draw. The model behind them can still be wrong about it.",
            source="forecast",
        ),
        panel(
            "frontier",
            "Same expected profit, less risk",
            [
                html.P("Working it out. The first time takes some seconds.", id="suggestion", role="status"),
                html.Div(
                    id="frontier-figures",
                    children=[
                        chart("frontier", "frontier", "Efficient frontier with your allocation"),
                        html.P(["Worked out ", since("frontier-made"), "."], className="note"),
                    ],
                ),
                html.Div(
                    dmc.Button("Use the suggestion as B", id="use-suggestion", variant="light"), id="use-box"
                ),
            ],
            lead="No mix on the line can gain more without risking more. Figures after inflation, without fees.",
            tools=[does("PNG", "png:frontier", "Save the frontier as PNG")],
            source="forecast",
        ),
        panel(
            "stress",
            "What crises would have done",
            [later("stress-table", "Loading the recorded prices.")],
            lead="Bought at the high, held to the low, before inflation. From the recorded closes, not from the model.",
            source="closes",
        ),
    ]


def _grid(universe: Universe, presets: list[Preset], start: Asked) -> Any:
    choices = [{"value": "none", "label": "Nothing"}, {"value": "mine", "label": "My mix"}] + [
        {"value": preset.id, "label": preset.label} for preset in presets
    ]
    head = [html.Th("Percent", scope="col"), html.Th([_badge("A"), " yours"], scope="col")]
    for slot in SLOTS:
        select = dmc.Select(
            id=f"fill-{slot}",
            data=choices,
            placeholder=f"Fill {slot}",
            size="xs",
            w=112,
            comboboxProps={"withinPortal": True},
            **{"aria-label": f"Fill {slot} with"},
        )
        head.append(html.Th([_badge(slot), select], scope="col"))
    rows = []
    for asset in universe.asset:
        cells = [html.Th(asset.name, scope="row"), html.Td(id=f"mine-{asset.id}", className="mine")]
        for at, slot in enumerate(SLOTS):
            value = start.others[at][asset.id] if at < len(start.others) else ""
            cells.append(
                html.Td(
                    dmc.NumberInput(
                        id=f"other-{slot}-{asset.id}",
                        value=value,
                        min=0,
                        max=100,
                        decimalScale=2,
                        clampBehavior="none",
                        hideControls=True,
                        size="xs",
                        w=112,
                        **{"aria-label": f"{asset.name} in {slot}, percent"},
                    )
                )
            )
        rows.append(html.Tr(cells))
    return html.Table(
        className="grid",
        children=[
            html.Caption("Weights of the allocations in percent", className="unseen"),
            html.Thead(html.Tr(head)),
            html.Tbody(rows),
        ],
    )


def _badge(label: str) -> Any:
    return html.Span(label, className=f"slot slot-{label}")


def compared(
    found: Sequence[tuple[str, Figures]],
    apart: Sequence[Difference | None],
    amount: float,
    unit: str,
    kind: str,
) -> Any:
    """The table of figures, a column per allocation. kind : after or before inflation."""

    def row(name: str, words: Sequence[str]) -> list[Any]:
        return [name, *words]

    def cash(value: float) -> str:
        return money.profit(value, amount) + unit

    figures_ = [one for _, one in found]
    rows = [
        row("Median profit", [cash(one.median) for one in figures_]),
        row("Mean profit", [cash(one.mean) for one in figures_]),
        row("90 of 100 scenarios", [f"{cash(one.p05)} to {cash(one.p95)}" for one in figures_]),
        row("Chance of a loss", [money.chance(one.prob_loss) for one in figures_]),
        row("Chance to beat the deposit", [money.chance(one.prob_beat_deposit) for one in figures_]),
        row("Mean of the worst twentieth", [cash(-one.cvar95) for one in figures_]),
        row("Deepest fall on the way, median", [money.percent(-one.drawdown) for one in figures_]),
    ]
    if any(apart):
        rows += [
            row("Mean difference from A", [_error(one, amount, unit) for one in apart]),
            row(
                "90 of 100 differences",
                ["" if one is None else f"{cash(one.p05)} to {cash(one.p95)}" for one in apart],
            ),
            row("Better than A", ["" if one is None else money.chance(one.prob_better) for one in apart]),
        ]
    head = ["Figure", *[[_badge(label), " yours" if label == "A" else ""] for label, _ in found]]
    return html.Div(
        [
            table(head, rows, f"Figures of the allocations side by side, {kind}", "numbers"),
            html.P(
                f"All money is {kind}; falls on the way are before it. ± is one standard error from the number of "
                "scenarios alone; that the model may be wrong is not in it.",
                className="note",
            ),
        ],
        className="stack",
    )


def _error(one: Difference | None, amount: float, unit: str) -> str:
    if one is None:
        return ""
    return f"{money.profit(one.mean, amount)} ± {money.plain(one.mean_error, amount)}{unit}"


def suggestion(found: Suggested | None, universe: Universe, amount: float, unit: str) -> str:
    """The suggestion in one sentence."""
    if found is None:
        return "Your mix is as good as any: no other has the same expected profit with noticeably less risk."
    names = {asset.id: asset.name for asset in universe.asset}
    parts = [f"{value:.0f} % {names[name]}" for name, value in found.weights.items() if value >= 0.5]
    return (
        f"{', '.join(parts)}: the same expected profit of {money.profit(found.real_mean, amount)}{unit}, and the worst "
        f"twentieth loses {money.plain(found.saves, amount)}{unit} less on average."
    )


def stressed(found: Mapping[str, Sequence[Stress]], labels: Sequence[str], have_history: bool) -> Any:
    """found : window -> one result per allocation. Nothing without history."""
    if not have_history:
        return None
    rows = []
    for window in WINDOWS:
        rows.append([window.name, *[_stressed(one) for one in found[window.name]]])
    head = ["Crisis", *[[_badge(label), " yours" if label == "A" else ""] for label in labels]]
    return table(head, rows, "Change and deepest fall of each allocation in past crises", "numbers")


def _stressed(one: Stress) -> Any:
    if one.change is None or one.worst_fall is None:
        return html.Span(f"no prices of {', '.join(one.missing)} then", className="note")
    return [
        money.percent(one.change),
        html.Span(f"deepest fall {money.percent(-one.worst_fall)}", className="below"),
    ]
