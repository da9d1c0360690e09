"""What the topics hold at the end: every tick, forecast and report that must be there, and none of them twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from launcher.topic_reader import consumer, whole_topic
from producers import tick, topics
from producers.sessions import nyse, session_number
from producers.settings import Settings
from stream_processors.drift import EVERYTHING, DriftReport
from training.artefact import CHAMPION
from training.events import ModelEvent
from training.forecast_log import Forecast


@dataclass
class Ticks:
    """load : how many of the load, in so many bytes. feed : symbol -> session -> event times in the order of the log."""

    load: int = 0
    bytes: int = 0
    feed: dict[str, dict[int, list[int]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )


def ticks(settings: Settings, load: str, symbols: Iterable[str]) -> Ticks:
    """Count the log of ticks. load : the epoch of the load's frames. symbols : of the feed, whose live ticks are kept."""
    found, kept, sessions = Ticks(), set(symbols), nyse()
    with consumer(settings) as reader:
        for record in whole_topic(reader, topics.TICKS):
            frame = tick.decode(record.value)
            if frame.epoch == load:
                found.load += len(frame.symbol)
                found.bytes += len(record.value)
            elif not frame.history:
                for column, event_ms in zip(frame.symbol, frame.event_ms, strict=True):
                    if frame.symbols[column] in kept:
                        session = int(sessions.index_at(event_ms))
                        found.feed[frame.symbols[column]][session].append(event_ms)
    return found


def feed_problems(feed: dict[str, dict[int, list[int]]]) -> list[str]:
    """Sessions of the simulated feed that miss ticks or have some twice. The newest is still going on."""
    problems = []
    whole = Counter(len(times) for one in feed.values() for times in one.values()).most_common(1)[0][0]
    for symbol, sessions in sorted(feed.items()):
        for session in range(min(sessions), max(sessions)):
            times = sessions.get(session, [])
            if len(times) != whole or times != sorted(set(times)):
                problems.append(f"{symbol}, session {session}: {len(times)} ticks, not {whole} in order")
    return problems


def record_problems(settings: Settings) -> list[str]:
    """What forecasts.log, drift.reports and models.events hold twice, and the sessions that they leave out."""
    forecasts = [msgspec.json.decode(value, type=Forecast) for value in _values(settings, topics.FORECASTS)]
    reports = [msgspec.json.decode(value, type=DriftReport) for value in _values(settings, topics.DRIFT)]
    events = [msgspec.json.decode(value, type=ModelEvent) for value in _values(settings, topics.MODEL_EVENTS)]
    made = [(one.symbol, one.role, one.session_date) for one in forecasts]
    scored = [(one.asset, one.detector, one.session_date) for one in reports if one.policy is None]
    answered = [(one.idempotency_key,) for one in events if one.final]
    problems = _twice("forecast", made) + _twice("report", scored) + _twice("answered", answered)
    problems += _left_out("forecast", [one for one in made if one[1] == CHAMPION])
    problems += _left_out("report", [one for one in scored if one[1] == "scale" and one[0] != EVERYTHING])
    return problems if made and scored else [*problems, f"{len(made)} forecasts, {len(scored)} reports"]


def _twice(what: str, keys: list[Any]) -> list[str]:
    return [f"{what} {key}: {count} times" for key, count in Counter(keys).items() if count > 1]


def _left_out(what: str, keys: list[tuple[str, str, int]]) -> list[str]:
    """keys : (asset or symbol, role or detector, session as yyyymmdd)."""
    sessions: dict[tuple[str, str], set[int]] = defaultdict(set)
    for name, kind, date in keys:
        sessions[name, kind].add(session_number(date))
    return [
        f"{what} of {name}: {len(missing)} sessions left out, the first {nyse().date[missing[0]]}"
        for (name, _), held in sorted(sessions.items())
        if (missing := sorted(set(range(min(held), max(held))) - held))
    ]


def _values(settings: Settings, topic: str) -> list[bytes]:
    with consumer(settings) as reader:
        return [record.value for record in whole_topic(reader, topic)]
