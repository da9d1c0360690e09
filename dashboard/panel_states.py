"""What each panel may claim: loading, empty, live, closed, stale or error. Pure; the browser counts the ages.

A panel shows what one of the sources below holds: its box names it (`data-source`, see parts.panel), and the
browser writes the source's state into its head (assets/panels.js). Empty says how to get data, error says what failed
and what happens next. The browser turns live into stale by itself, as freshness.py says, also when this server is
gone. Logs that grow once a session are stale by sessions, never by the clock: a weekend ages nothing.
"""

from __future__ import annotations

from dashboard.drift_state import newest_session, session
from dashboard.events import News
from dashboard.freshness import ERROR, LIVE, MODEL_STALE_S, TICKS_STALE_S, Stage, ticks
from dashboard.live import NOT_SET_UP, OPENING, Snapshot
from dashboard.record import Record
from dashboard.training_words import event_line
from dashboard.view import sentence
from producers.universe import Universe

LOADING, EMPTY, STALE = "loading", "empty", "stale"
SOURCES = ("prices", "forecast", "model", "closes", "record", "drift", "training", "history", "pipeline")
LATE_SESSIONS = 2  # that may close before who writes at every close is late
TRAINING_SILENT_S = 900.0  # the longest step of a training that says nothing, with room
LOG_BACK = "What is shown is from before; it goes on by itself when the broker is back."


def sources(snapshot: Snapshot, universe: Universe, now_ms: int) -> dict[str, Stage]:
    """The state of every source, by its name in SOURCES."""
    news, record = snapshot.news, snapshot.record
    return {
        "prices": prices(snapshot, universe, now_ms),
        "forecast": forecast(snapshot, universe, now_ms),
        "model": model(snapshot),
        "closes": closes(record),
        "record": said_and_done(record),
        "drift": drift(news, record),
        "training": training(news),
        "history": history(news),
        "pipeline": Stage(LIVE, None, None, "every part with its own age"),
    }


def prices(snapshot: Snapshot, universe: Universe, now_ms: int) -> Stage:
    """The online store. A closed market is closed, not stale."""
    problem = snapshot.store_problem
    if not snapshot.taken_ms:
        if problem == OPENING:
            return Stage(LOADING, None, None, problem)
        if problem == NOT_SET_UP:
            how = "The stream worker does that when it starts (`make run`); this page looks twice a second."
            return Stage(EMPTY, None, None, f"{problem} {how}")
        return Stage(ERROR, None, None, f"{sentence(problem)} It is tried again by itself.")
    if not snapshot.rows:
        if problem:
            return Stage(ERROR, None, None, f"{sentence(problem)} It is tried again by itself.")
        how = "They appear as soon as a feed delivers; `allocast status` shows whether one runs."
        return Stage(EMPTY, None, None, f"No prices yet. {how}")
    stage = ticks(snapshot, universe, now_ms)
    if problem:
        next_ = "Figures are from before and go on by themselves."
        return Stage(ERROR, stage.since_ms, TICKS_STALE_S, f"{sentence(problem)} {next_}")
    return stage


def forecast(snapshot: Snapshot, universe: Universe, now_ms: int) -> Stage:
    """What the model makes of the prices: as old as they are."""
    stage = prices(snapshot, universe, now_ms)
    return model(snapshot) if snapshot.rows and snapshot.champion is None else stage


def model(snapshot: Snapshot) -> Stage:
    """The champion. One that cannot be read is an error even while the one before answers."""
    champion, problem = snapshot.champion, snapshot.model_problem
    if champion is None:
        if problem:
            return Stage(ERROR, None, None, f"{sentence(problem)} The next model is read once it is written.")
        how = "The first one is fitted within seconds of the first prices."
        return Stage(EMPTY, None, None, f"No model yet. {how}")
    if problem:
        next_ = f"{champion.version} goes on answering; the next model is read once it is written."
        return Stage(ERROR, champion.created_ms, MODEL_STALE_S, f"{sentence(problem)} {next_}")
    return Stage(LIVE, champion.created_ms, MODEL_STALE_S, champion.version)


def closes(record: Record) -> Stage:
    """Recorded closes of every session."""
    newest = max((day for series in record.recent.values() for day in series), default=0)
    if not newest:
        how = (
            "It comes with the feed: start with your own prices "
            '(`make run ARGS="--feed csv --data DIR"`) or wait until the history is loaded.'
        )
        return _read(record.status, Stage(EMPTY, None, None, f"There is no recorded history yet. {how}"))
    return _read(record.status, Stage(LIVE, None, None, f"closes up to {session(newest)}"))


def said_and_done(record: Record) -> Stage:
    """The log of forecasts and what came of them."""
    if not record.forecasts:
        how = "The first one is at the close of the session after the first model."
        return _read(record.status, Stage(EMPTY, None, None, f"No forecast is written down yet. {how}"))
    if not record.matured:
        how = (
            "A forecast of one session is scored at the next close; one of a month after 21 sessions. "
            "A replay of your own prices gets there in minutes."
        )
        said = f"{record.forecasts:,} forecasts are written down, none has come due yet. {how}"
        return _read(record.status, Stage(EMPTY, None, None, said))
    late = _closed_since(record.newest_forecast, record)
    if late > LATE_SESSIONS:
        said = f"no forecast was written down in {late} sessions; is the training service running?"
        return _read(record.status, Stage(STALE, None, None, said))
    said = f"forecasts up to session {session(record.newest_forecast)}"
    return _read(record.status, Stage(LIVE, None, None, said))


def drift(news: News, record: Record) -> Stage:
    """The monitor's reports: stale when sessions have closed that it did not judge."""
    judged = newest_session(news)
    if not judged:
        how = "The first one comes at the close of the session after the first model."
        return _read(news.status, Stage(EMPTY, None, None, f"No reports yet. {how}"))
    since = max(one.at_ms for one in news.drift.values())
    if late := unjudged(news, record):
        said = f"{late} sessions have closed since; is the drift monitor running?"
        return _read(news.status, Stage(STALE, since, None, said))
    return _read(news.status, Stage(LIVE, since, None, f"judged session {session(judged)}"))


def unjudged(news: News, record: Record) -> int:
    """Sessions that have closed since the one the monitor judged last; 0 while it is not late."""
    late = _closed_since(newest_session(news), record)
    return late if late > LATE_SESSIONS else 0


def training(news: News) -> Stage:
    """The newest word of the training service. One that is silent while it trains is stale."""
    latest = news.latest
    if latest is None:
        how = "The first training is asked for when the history is loaded; an operator may ask for one here."
        return _read(news.status, Stage(EMPTY, None, None, f"Nothing was trained yet. {how}"))
    under_way = latest.kind in ("requested", "training")
    stage = Stage(LIVE, latest.at_ms, TRAINING_SILENT_S if under_way else None, "")
    ended = next((one for one in reversed(news.events) if one.final), None)
    if ended is not None and ended.kind == "failed" and not under_way:
        next_ = "The model in use goes on answering; drift or an operator asks for the next training."
        stage = Stage(ERROR, ended.at_ms, None, f"{event_line(ended)} {next_}")
    return _read(news.status, stage)


def history(news: News) -> Stage:
    """The log of models, which is kept for ever."""
    if not news.events:
        how = "The first model is asked for when the history is loaded."
        return _read(news.status, Stage(EMPTY, None, None, f"Nothing yet. {how}"))
    return _read(news.status, Stage(LIVE, news.events[-1].at_ms, None, ""))


def _read(status: str, stage: Stage) -> Stage:
    """`stage`, unless the broker does not answer. status : of the reader, empty while it reads."""
    if not status:
        return stage
    if status.startswith("Waiting"):
        return Stage(LOADING, None, None, status)
    back = LOG_BACK if stage.state != EMPTY else "It goes on by itself when the broker is back."
    return Stage(ERROR, stage.since_ms, None, f"{sentence(status)} {back}")


def _closed_since(day: int, record: Record) -> int:
    """Sessions with a close after `day` (yyyymmdd), of those that are kept at hand."""
    return len({one for series in record.recent.values() for one in series if one > day})
