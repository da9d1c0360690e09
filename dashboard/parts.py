"""Small pieces every view is made of: panels, figures, tables, bars. No logic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from dashboard import money
from dashboard.axes import empty


def panel(
    name: str,
    title: str,
    children: Sequence[Any],
    tools: Sequence[Any] = (),
    lead: str = "",
    source: str = "",
    filled: str = "",
) -> Any:
    """A titled box; the title is its name for screen readers too.

    source : of panel_states.SOURCES, what it shows. The browser writes the source's state into the head.
    filled : the store whose callback fills it, where that has no components of the panel as outputs.
    """
    head: list[Any] = [html.H2(title, id=f"title-{name}")]
    if tools:
        head.append(html.Div(list(tools), className="tools"))
    shown: dict[str, str] = {}
    if source:
        words = [html.Span(className="panel-word"), html.Span(className="panel-detail")]
        head.append(html.P(words, id=f"state-{name}", className="panel-state"))
        shown = {"data-source": source, "data-state": "loading"}
        if filled:
            shown["data-filled"] = filled
    lines = [html.P(prose(lead), className="lead")] if lead else []
    return html.Section(
        id=f"panel-{name}",
        className="panel",
        children=[html.Div(head, className="panel-head"), *lines, *children],
        **{"aria-labelledby": f"title-{name}", **shown},
    )


def prose(text: str) -> Any:
    """A text whose `quoted` parts are shown as code.

    >>> prose("no code"), prose("see `allocast status`.")
    ('no code', ['see ', Code('allocast status'), '.'])
    """
    parts = text.split("`")
    if len(parts) == 1:
        return text
    return [html.Code(part) if at % 2 else part for at, part in enumerate(parts)]


def word(state: str) -> Any:
    """A state in one word, with its sign and colour."""
    return html.Span(state, className=f"state-word {state}")


def figure(title: str, value: str, below: str | None = None, kind: str = "") -> Any:
    """One number with its name; `value` and `below` are the ids that are filled."""
    children = [html.Dt(title), html.Dd(id=value, className="number", children=money.NOTHING)]
    if below:
        children.append(html.Dd(id=below, className="below"))
    return html.Div(className=f"figure {kind}".strip(), children=children)


def table(
    head: Sequence[Any], rows: Sequence[Sequence[Any]], caption: str, kind: str = "", body_id: str = ""
) -> Any:
    """A table whose first column names the row, and a button that saves it as CSV (assets/buttons.js). It scrolls by
    itself where the screen is too narrow.

    body_id : where rows are filled in later.
    """
    body = [html.Tr([html.Th(row[0], scope="row"), *[html.Td(cell) for cell in row[1:]]]) for row in rows]
    scroll = html.Div(
        className="scroll",
        role="region",
        tabIndex="0",
        children=html.Table(
            className=f"table {kind}".strip(),
            children=[
                html.Caption(caption, className="unseen"),
                html.Thead(html.Tr([html.Th(text, scope="col") for text in head])),
                html.Tbody(body, **({"id": body_id} if body_id else {})),
            ],
        ),
        **{"aria-label": caption},
    )
    return html.Div([scroll, does("CSV", "csv", f"Save as CSV: {caption}")], className="sheet")


def bar(share: float, kind: str = "") -> Any:
    """A share of 1 as a bar, for the eye only: the number stands beside it."""
    part = f"{min(1.0, max(0.0, share)):.3f}"
    return html.Span(className=f"bar {kind}".strip(), style={"--share": part}, **{"aria-hidden": "true"})


def later(id: str, until: str = "Loading.") -> Any:
    """The place of what comes with an answer. until : what stands there before."""
    return html.Div(id=id, children=html.P(until, className="note"))


def chart(id: str, kind: str, label: str) -> Any:
    """The place of a chart, with its summary in words. The frame has the height; a responsive graph without one collapses."""
    return html.Figure(
        [
            html.Div(
                className=kind,
                children=dcc.Graph(
                    id=id,
                    figure=empty(),
                    config={"displayModeBar": False},
                    responsive=True,
                    style={"height": "100%"},
                ),
                role="img",
                **{"aria-label": label},
            ),
            html.Figcaption(id=f"{id}-summary", className="unseen"),
        ]
    )


def does(label: str, what: str, title: str = "") -> Any:
    """A button whose work is done by assets/buttons.js: `what` names it."""
    return html.Button(
        label, className="quiet-button", type="button", **{"data-does": what, "aria-label": title or label}
    )


def since(id: str) -> Any:
    """An age that the browser counts from the attribute data-since (ms since epoch)."""
    return html.Span(id=id, className="since", **{"data-since": ""})
