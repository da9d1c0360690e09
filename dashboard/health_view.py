"""View "Pipeline": every part of ticks -> features -> model -> page, how old, how far behind. Pure."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboard import money
from dashboard.drift_state import newest_session, session
from dashboard.events import News
from dashboard.freshness import ERROR, LIVE, TICKS_STALE_S, WAITING, ticks
from dashboard.live import Snapshot
from dashboard.panel_states import STALE, TRAINING_SILENT_S, unjudged
from dashboard.parts import later, panel, prose, table, word
from dashboard.record import Pipeline
from dashboard.training_words import event_line
from dashboard.view import SIMULATED
from producers.universe import Universe

OK = "ok"
BEHIND = 1_000  # records
STORE_STALE_S = 5.0


def health() -> list[Any]:
    return [
        panel(
            "pipeline",
            "Pipeline",
            [later("services")],
            lead="What this page can see of each part. `allocast status` shows the processes themselves.",
            source="pipeline",
        ),
        panel(
            "inputs",
            "Inputs",
            [later("inputs")],
            source="prices",
        ),
    ]


def services(snapshot: Snapshot, universe: Universe, now_ms: int) -> Any:
    """A row per part: what it is doing, when it was last heard of, what to do when something is wrong."""
    record, champion = snapshot.record, snapshot.champion
    dead = record.pipeline.dead
    rows = [
        ["Feed", *_feed(snapshot, universe, now_ms)],
        ["Kafka", *_kafka(snapshot)],
        ["Stream worker", *_worker(record.pipeline)],
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
        ["Online store", *_store(snapshot, now_ms)],
        ["Drift monitor", *_monitor(snapshot)],
        ["Training", *_training(snapshot.news, now_ms)],
        [
            "Model",
            ERROR if snapshot.model_problem else OK if champion else WAITING,
            _since(champion.created_ms if champion else None),
            snapshot.model_problem
            or (champion.version if champion else "the first one is fitted after the history"),
        ],
        ["Page", OK, _since(now_ms), "one poller for all viewers"],
    ]
    rows = [
        [part, word(state), since, prose(detail) if isinstance(detail, str) else detail]
        for part, state, since, detail in rows
    ]
    return table(
        ["Part", "State", "Last heard of", "Detail"], rows, "State of every part of the pipeline", "log"
    )


Row = tuple[str, Any, str]  # state, last heard of, detail


def _feed(snapshot: Snapshot, universe: Universe, now_ms: int) -> Row:
    stage = ticks(snapshot, universe, now_ms)
    quiet_for_s = 0.0 if stage.since_ms is None else (now_ms - stage.since_ms) / 1000
    state = stage.state
    if state == LIVE:
        state = OK if quiet_for_s <= TICKS_STALE_S else STALE
    feeds = ", ".join(sorted({row.feed for row in snapshot.rows.values()})) or "none yet"
    if SIMULATED in feeds:
        feeds += " — these are not market prices"
    if state == STALE:
        feeds += "; no price for longer than a minute while there should be some"
    return state, _since(stage.since_ms), feeds


def _kafka(snapshot: Snapshot) -> Row:
    problem = snapshot.news.status or snapshot.record.status
    if not problem:
        return OK, "", "answers"
    return WAITING if problem.startswith(WAITING.capitalize()) else ERROR, "", problem


def _worker(pipeline: Pipeline) -> Row:
    if pipeline.behind is None:
        return WAITING, "", "not known yet"
    words = f"{pipeline.behind:,} records of ticks not yet acknowledged"
    if pipeline.stands:
        return ERROR, "", f"{words}, and none is being; is the worker running?"
    if pipeline.grows and pipeline.behind >= BEHIND:
        return "behind", "", f"{words}, and it grows"
    return OK, "", words


def _store(snapshot: Snapshot, now_ms: int) -> Row:
    since = snapshot.taken_ms or None
    if snapshot.store_problem:
        return ERROR if since else WAITING, _since(since), snapshot.store_problem
    old = since is not None and now_ms - since > STORE_STALE_S * 1000
    return STALE if old else OK, _since(since), "read twice a second"


def _monitor(snapshot: Snapshot) -> Row:
    """Behind when sessions have closed since the one it judged last: it reports at every close."""
    news = snapshot.news
    words = [*news.drift.values(), *([news.policy] if news.policy else [])]
    since = _since(max((one.at_ms for one in words), default=None))
    judged = newest_session(news)
    if not judged:
        return WAITING, since, "reports at every close"
    if late := unjudged(news, snapshot.record):
        return "behind", since, f"{late} sessions have closed since the one it judged last"
    return OK, since, f"judged session {session(judged)}"


def _training(news: News, now_ms: int) -> Row:
    latest = news.latest
    if latest is None:
        return WAITING, _since(None), "says what it does in models.events"
    since, words = _since(latest.at_ms), event_line(latest)
    ended = next((one for one in reversed(news.events) if one.final), None)
    if latest.kind in ("requested", "training"):
        silent = now_ms - latest.at_ms > TRAINING_SILENT_S * 1000
        return (STALE, since, f"{words} Nothing was heard of it since.") if silent else (OK, since, words)
    if ended is not None and ended.kind == "failed":
        return ERROR, since, event_line(ended)
    return OK, since, words


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


def _since(ms: int | None) -> Any:
    return money.NOTHING if ms is None else html.Span(className="since", **{"data-since": str(ms)})
