"""View "Pipeline": every part of ticks -> features -> model -> page, how old, how far behind. Pure."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboard import money
from dashboard.live import Snapshot
from dashboard.parts import panel, table
from dashboard.view import SIMULATED
from producers.universe import Universe


def health() -> list[Any]:
    return [
        panel(
            "pipeline",
            "Pipeline",
            [html.Div(id="services", children=html.P("Loading.", className="note"))],
            lead="What this page can see of each part. `allocast status` shows the processes themselves.",
        ),
        panel("inputs", "Inputs", [html.Div(id="inputs", children=html.P("Loading.", className="note"))]),
    ]


def services(snapshot: Snapshot, now_ms: int) -> Any:
    """A row per part: what it is doing, when it was last heard of, what to do when something is wrong."""
    news, record, champion = snapshot.news, snapshot.record, snapshot.champion
    seen = max((row.seen_ms for row in snapshot.rows.values()), default=None)
    drift = max((one.at_ms for one in news.drift.values()), default=None)
    event = news.events[-1].at_ms if news.events else None
    feeds = ", ".join(sorted({row.feed for row in snapshot.rows.values()})) or "none yet"
    if SIMULATED in feeds:
        feeds += " — these are not market prices"
    broker = news.status or record.status
    behind, dead = record.pipeline.behind, record.pipeline.dead
    rows = [
        ["Feed", _word(seen is not None), _since(seen), feeds],
        ["Kafka", _word(not broker), "", broker or "answers"],
        [
            "Stream worker",
            _word(behind is not None and behind < 1_000),
            "",
            "not known yet" if behind is None else f"{behind:,} records of ticks not yet acknowledged",
        ],
        [
            "Dead letters",
            "none" if not dead else "look",
            "",
            "not known yet"
            if dead is None
            else "nothing was refused"
            if dead == 0
            else f"{dead:,} records were refused; `allocast dlq list` shows why",
        ],
        [
            "Online store",
            _word(not snapshot.store_problem),
            _since(snapshot.taken_ms or None),
            snapshot.store_problem or "read twice a second",
        ],
        ["Drift monitor", _word(drift is not None), _since(drift), "reports at every close"],
        ["Training", _word(event is not None), _since(event), "says what it does in models.events"],
        [
            "Model",
            _word(champion is not None and not snapshot.model_problem),
            _since(champion.created_ms if champion else None),
            snapshot.model_problem
            or (champion.version if champion else "the first one is fitted after the history"),
        ],
        ["Page", "ok", _since(now_ms), "one poller for all viewers"],
    ]
    return table(
        ["Part", "State", "Last heard of", "Detail"], rows, "State of every part of the pipeline", "log"
    )


def inputs(snapshot: Snapshot, universe: Universe) -> Any:
    rows = []
    for asset in universe.asset:
        row = snapshot.rows.get(asset.symbol)
        if row is None:
            rows.append([asset.name, "no price yet", "", "", ""])
            continue
        rate = row.values.get("tick_rate_1m")
        rows.append(
            [
                asset.name,
                row.feed,
                _since(row.seen_ms),
                f"{row.n_sessions:,}{'' if row.is_warm else ' (warming up)'}",
                money.NOTHING if rate is None else f"{rate * 60:.0f}",
            ]
        )
    head = ["Asset", "Feed", "Last tick", "Sessions", "Ticks per minute"]
    return table(head, rows, "Inputs of the forecast", "numbers")


def _word(good: bool) -> str:
    return "ok" if good else "waiting"


def _since(ms: int | None) -> Any:
    return money.NOTHING if ms is None else html.Span(className="since", **{"data-since": str(ms)})
