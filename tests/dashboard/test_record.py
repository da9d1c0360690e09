"""The long memory: scored once, never stopped, and unmoved by the lag."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np
import pytest

from dashboard import record as module
from dashboard import scorekeeper, shadow, slow_callbacks
from dashboard.live import Poller
from dashboard.record import Pipeline, RecordReader
from dashboard.scorekeeper import Scorekeeper
from producers.sessions import nyse
from producers.topics import BARS, FORECASTS
from stream_processors.messages import Bar
from tests.dashboard.stubs.forecasts import champion
from tests.dashboard.stubs.market import UNIVERSE, closes, rows
from tests.dashboard.stubs.record import record
from tests.dashboard.stubs.source import StubSource
from tests.training.stubs import forecast as logged
from training.forecast_log import Forecast
from training.said_and_done import Matured, matured

DAYS = [int(day) for day in nyse().yyyymmdd if 20260102 <= day <= 20260501]


def forecast(symbol: str, day: int, **given: Any) -> Forecast:
    return logged(symbol=symbol, session_date=day, **given)


def bar(symbol: str, day: int, close: float) -> bytes:
    given = {"symbol": symbol, "session_date": day, "close": close}
    blank = {field.name: {str: "", bool: True}.get(field.type, 1) for field in msgspec.structs.fields(Bar)}
    return msgspec.json.encode({**blank, **given})


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> RecordReader:
    made = RecordReader({}, "workers")
    monkeypatch.setattr(made, "_lag", lambda _consumer: Pipeline(behind=5, dead=0, acknowledged=9))
    monkeypatch.setattr(module, "LAG_EVERY_S", 0.0)
    monkeypatch.setattr(module, "SCORE_EVERY_S", 0.0)
    return made


def test_the_lag_alone_is_no_revision(reader: RecordReader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.absorb(BARS, bar("GC=F", DAYS[0], 100.0))
    reader.polled(None)
    first = reader.record()
    lags = iter([Pipeline(behind, 0, 9) for behind in (7, 8, 9)])
    monkeypatch.setattr(reader, "_lag", lambda _consumer: next(lags))
    for _ in range(3):
        reader.polled(None)
    later = reader.record()
    assert (first.revision, later.revision) == (1, 1)
    assert later.matured is first.matured
    assert later.pipeline.grows
    assert later.status == ""


def test_scores_are_given_once_and_are_those_of_the_whole_record(monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[int] = []

    def counted(forecasts: Any, *more: Any) -> Any:
        given = list(forecasts)
        scored.append(len(given))
        return matured(given, *more)

    monkeypatch.setattr(scorekeeper, "matured", counted)
    rng = np.random.default_rng(3)
    symbols = ("GC=F", "BTC-USD")
    known = {(symbol, day): forecast(symbol, day) for day in DAYS[:40] for symbol in symbols}
    prices = {symbol: {day: 100 + float(rng.normal()) for day in DAYS} for symbol in symbols}
    keeper = Scorekeeper()
    for last in (30, 45, 60, 60):  # BTC-USD is read one session ahead
        seen = {
            symbol: dict(list(series.items())[: last + (symbol == "BTC-USD")])
            for symbol, series in prices.items()
        }
        found = keeper.scored(known, seen, nyse())
        assert sorted(found, key=_place) == sorted(matured(known.values(), seen, nyse()), key=_place)
    assert scored[-1] <= 2, "what is settled is not scored again"
    keeper.forget("GC=F")
    keeper.scored(known, prices, nyse())
    assert scored[-1] >= 40


def _place(one: Matured) -> tuple[str, int, int]:
    return one.symbol, one.session_date, one.horizon


def test_a_corrected_close_is_scored_again(reader: RecordReader) -> None:
    reader.absorb(FORECASTS, msgspec.json.encode(forecast("GC=F", DAYS[0])))
    for day in DAYS[:2]:
        reader.absorb(BARS, bar("GC=F", day, 101.0))
    reader.polled(None)
    assert [one.loss for one in reader.record().matured] == [False]
    reader.absorb(BARS, bar("GC=F", DAYS[1], 90.0))
    reader.polled(None)
    assert [one.loss for one in reader.record().matured] == [True]


def test_recording_goes_on_and_drops_the_oldest(
    reader: RecordReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_FORECASTS", 10)
    monkeypatch.setattr(module, "SPARE_FORECASTS", 2)
    for day in DAYS[:30]:
        for role in ("challenger", "champion", "previous"):
            given = forecast("GC=F", day, role=role, model=role)
            reader.absorb(FORECASTS, msgspec.json.encode(given))
        reader.absorb(BARS, bar("GC=F", day, 100.0))
    reader.polled(None)
    kept = [day for _, day in reader._forecasts]
    assert kept[-1] == DAYS[29]
    assert 10 <= len(kept) <= 12
    assert {one.role for one in reader._forecasts.values()} == {"champion"}
    found = shadow.standing(reader.record().trial, "challenger", 0)
    assert found is not None
    assert (found.old, found.holes) == ("champion", 0)
    kept_beside = len({day for _, day in reader._forecasts})
    assert found.sessions >= kept_beside - 2  # the newest two have no outcome, or may get another one


def test_many_viewers_compute_the_skills_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    all_here = threading.Barrier(4)

    def slow(*_: object) -> list[Any]:
        asked.append(1)
        return []

    monkeypatch.setattr(slow_callbacks, "skills", slow)
    source = StubSource(*rows(), champion=champion())
    source.known = record()
    poller = Poller(source, UNIVERSE)
    poller.step()
    live_skills = slow_callbacks._once_per_revision(poller)

    def view() -> list[Any]:
        all_here.wait(timeout=10)
        return live_skills()

    with ThreadPoolExecutor(4) as viewers:
        assert [one.result() for one in [viewers.submit(view) for _ in range(4)]] == [[]] * 4
    assert asked == [1]


def test_the_walk_of_sums_is_that_of_the_returns() -> None:
    """Mean and deviation from running sums are those of the returns themselves."""
    from dashboard.skill import skills
    from training.horizons import crps
    from training.shape import normal_quantiles

    prices = {"GC=F": closes()["GC=F"]}
    known = {("GC=F", day): forecast("GC=F", day, price=prices["GC=F"][day]) for day in DAYS[:5]}
    scored = [one for one in matured(known.values(), prices, nyse()) if one.horizon == 21]
    (skill,) = skills(scored, prices, {}, nyse())
    walk = 0.0
    days = list(prices["GC=F"])
    for row in scored:
        at = days.index(row.session_date)
        series = np.array(list(prices["GC=F"].values()))
        returns = np.diff(np.log(series[: at + 1]))
        quantiles = returns.mean() * 21 + returns.std(ddof=1) * np.sqrt(21) * normal_quantiles()
        walk += float(crps(quantiles, np.array(np.log(series[at + 21] / series[at]))))
    assert skill.skill == pytest.approx(1 - sum(one.crps for one in scored) / walk)
