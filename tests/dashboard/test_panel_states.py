"""Every panel is in one of the states: each source of what panels show, in each state, by a table."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from dashboard.events import DriftReport, News
from dashboard.freshness import MODEL_STALE_S, TICKS_STALE_S
from dashboard.live import NOT_SET_UP, OPENING, Snapshot
from dashboard.page import page
from dashboard.panel_states import SOURCES, TRAINING_SILENT_S, sources
from dashboard.record import Record
from tests.dashboard.stubs.forecasts import champion
from tests.dashboard.stubs.market import UNIVERSE, row
from tests.dashboard.stubs.record import matured_rows
from tests.dashboard.stubs.source import StubSource
from training.events import ModelEvent

T0 = 1_760_000_000_000
HOUR = 3_600_000
ROWS = {"GC=F": row("GC=F", 4105.2, at_ms=T0)}
PRICES = Snapshot(rows=ROWS, taken_ms=T0, store_problem="")
READY = replace(PRICES, champion=champion(created_ms=T0 - 5))
NEVER = Snapshot()
REFUSED = "the online store does not answer: refused"
WAITING = "Waiting for the message broker."
AWAY = "the log is not available: no broker"


def closes(*days: int) -> Record:
    series = {"GC=F": dict.fromkeys(days, 1.0)}
    return Record(closes=series, recent=series)


SCORED = replace(
    closes(20260727, 20260728), forecasts=8, newest_forecast=20260728, matured=matured_rows(3)[:3]
)
JUDGED = News().with_report(DriftReport("gold", "scale", 2.0, 5_000.0, False, 20260727, T0))
LATE = closes(20260724, 20260727, 20260728, 20260729, 20260730)


def told(*events: ModelEvent) -> News:
    said = News()
    for one in events:
        said = said.with_event(one)
    return said


def recorded(record: Record) -> Snapshot:
    return replace(READY, record=record)


def heard(news: News, record: Record | None = None) -> Snapshot:
    return replace(READY, news=news, record=record or Record())


REQUESTED = ModelEvent("requested", "", "drift", T0)
FAILED = ModelEvent("failed", "", "drift", T0, "out of memory", final=True)

CASES = [
    # source, snapshot, state, since, stale after, what it says
    ("prices", NEVER, "loading", None, None, OPENING),
    ("prices", Snapshot(store_problem=NOT_SET_UP), "empty", None, None, "`make run`"),
    ("prices", Snapshot(store_problem=REFUSED), "error", None, None, "It is tried again by itself."),
    ("prices", Snapshot(taken_ms=T0, store_problem=""), "empty", None, None, "as soon as a feed delivers"),
    ("prices", Snapshot(taken_ms=T0, store_problem=REFUSED), "error", None, None, "tried again by itself"),
    ("prices", PRICES, "live", T0, TICKS_STALE_S, "simulated feed"),
    ("prices", replace(PRICES, market_open=False), "closed", T0, TICKS_STALE_S, "the exchange is closed"),
    (
        "prices",
        replace(PRICES, store_problem=REFUSED),
        "error",
        T0,
        TICKS_STALE_S,
        "The online store does not answer: refused. Figures are from before and go on by themselves.",
    ),
    ("forecast", NEVER, "loading", None, None, OPENING),
    ("forecast", Snapshot(taken_ms=T0, store_problem=""), "empty", None, None, "No prices yet."),
    ("forecast", PRICES, "empty", None, None, "within seconds of the first prices"),
    ("forecast", replace(PRICES, model_problem="hash differs"), "error", None, None, "Hash differs."),
    ("forecast", READY, "live", T0, TICKS_STALE_S, "simulated feed"),
    ("forecast", replace(READY, market_open=False), "closed", T0, TICKS_STALE_S, "closed"),
    ("forecast", replace(READY, store_problem=REFUSED), "error", T0, TICKS_STALE_S, "from before"),
    ("model", PRICES, "empty", None, None, "The first one is fitted"),
    ("model", READY, "live", T0 - 5, MODEL_STALE_S, "v1"),
    ("model", replace(READY, model_problem="cut short"), "error", T0 - 5, MODEL_STALE_S, "v1 goes on"),
    ("closes", recorded(Record(status=WAITING)), "loading", None, None, WAITING),
    ("closes", READY, "empty", None, None, "--feed csv --data DIR"),
    ("closes", recorded(closes(20260727)), "live", None, None, "closes up to 2026-07-27"),
    ("closes", recorded(replace(closes(20260727), status=AWAY)), "error", None, None, "broker is back"),
    ("record", recorded(Record(status=WAITING)), "loading", None, None, WAITING),
    ("record", READY, "empty", None, None, "at the close of the session after the first model"),
    ("record", recorded(Record(forecasts=8)), "empty", None, None, "8 forecasts are written down"),
    ("record", recorded(SCORED), "live", None, None, "up to session 2026-07-28"),
    ("record", recorded(replace(SCORED, status=AWAY)), "error", None, None, "from before"),
    ("record", recorded(Record(status=AWAY)), "error", None, None, "no broker. It goes on by itself"),
    (
        "record",
        recorded(replace(SCORED, recent=LATE.recent, newest_forecast=20260727)),
        "stale",
        None,
        None,
        "in 3 sessions; is the training service running?",
    ),
    ("drift", heard(News(status=WAITING)), "loading", None, None, WAITING),
    ("drift", READY, "empty", None, None, "No reports yet."),
    ("drift", heard(JUDGED), "live", T0, None, "judged session 2026-07-27"),
    ("drift", heard(JUDGED, closes(20260727, 20260728, 20260729)), "live", T0, None, "judged"),
    ("drift", heard(JUDGED, LATE), "stale", T0, None, "3 sessions have closed since"),
    ("drift", heard(JUDGED.with_status(AWAY)), "error", T0, None, "The log is not available: no broker."),
    ("training", heard(News(status=WAITING)), "loading", None, None, WAITING),
    ("training", READY, "empty", None, None, "an operator may ask for one here"),
    ("training", heard(told(REQUESTED)), "live", T0, TRAINING_SILENT_S, ""),
    ("training", heard(told(msgspec.structs.replace(FAILED, kind="promoted"))), "live", T0, None, ""),
    ("training", heard(told(FAILED)), "error", T0, None, "Out of memory. The model in use goes on"),
    (
        "training",
        heard(told(FAILED, msgspec.structs.replace(REQUESTED, at_ms=T0 + 1))),
        "live",
        T0 + 1,
        TRAINING_SILENT_S,
        "",
    ),
    ("history", heard(News(status=WAITING)), "loading", None, None, WAITING),
    ("history", READY, "empty", None, None, "asked for when the history is loaded"),
    ("history", heard(told(REQUESTED)), "live", T0, None, ""),
    ("history", heard(told(REQUESTED).with_status(AWAY)), "error", T0, None, "from before"),
    ("pipeline", NEVER, "live", None, None, ""),
]


@pytest.mark.parametrize(("source", "snapshot", "state", "since", "stale_after", "says"), CASES)
def test_a_source_says_what_it_holds(
    source: str, snapshot: Snapshot, state: str, since: int | None, stale_after: float | None, says: str
) -> None:
    found = sources(snapshot, UNIVERSE, T0 + HOUR)[source]
    assert (found.state, found.since_ms, found.stale_after_s) == (state, since, stale_after)
    assert says in found.detail


def test_empty_and_error_always_say_more_than_one_sentence() -> None:
    for source, snapshot, state, *_ in CASES:
        if state in ("empty", "error"):
            detail = sources(snapshot, UNIVERSE, T0)[source].detail
            assert detail.count(". ") + detail.count("; ") >= 1, (source, detail)


def test_every_panel_but_the_form_names_a_source_that_there_is() -> None:
    from dashboard.live import Poller

    panels = {}

    def walk(part: object) -> None:
        if getattr(part, "className", None) and "panel" in str(getattr(part, "className", "")).split():
            panels[str(getattr(part, "id", ""))] = getattr(part, "data-source", "")
        for child in _children(part):
            walk(child)

    walk(page(Poller(StubSource(), UNIVERSE), {}))
    assert panels.pop("") == ""  # the form
    assert len(panels) >= 13
    assert set(panels.values()) == set(SOURCES)


def _children(part: object) -> list[object]:
    found = getattr(part, "children", None)
    return list(found) if isinstance(found, (list, tuple)) else [] if found is None else [found]
