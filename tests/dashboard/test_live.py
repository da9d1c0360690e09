"""The poller: what it publishes, and what it keeps when a part is away."""

import pytest

from dashboard.live import Poller
from tests.dashboard.stubs.forecasts import champion
from tests.dashboard.stubs.market import UNIVERSE, row, rows
from tests.dashboard.stubs.source import StubSource


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.ms = 1_760_000_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_round_publishes_everything(clock: Clock) -> None:
    model = champion()
    poller = Poller(StubSource(*rows(), champion=model), UNIVERSE, clock)
    snapshot = poller.step()
    assert poller.snapshot is snapshot
    assert set(snapshot.rows) == set(UNIVERSE.symbols)
    assert (snapshot.champion, snapshot.taken_ms, snapshot.store_problem) == (model, clock.ms, "")


def test_the_last_rows_stay_while_the_store_is_away(clock: Clock) -> None:
    source = StubSource(*rows(), champion=champion())
    poller = Poller(source, UNIVERSE, clock)
    before = poller.step()
    source.away = "the online store does not answer"
    clock.ms += 5000
    after = poller.step()
    assert after.rows == before.rows
    assert (after.taken_ms, after.store_problem) == (before.taken_ms, "the online store does not answer")
    source.away = ""
    assert poller.step().store_problem == ""


def test_a_broken_model_directory_costs_only_the_model(clock: Clock) -> None:
    source = StubSource(*rows(), champion=champion())
    poller = Poller(source, UNIVERSE, clock)
    kept = poller.step().champion

    def broken() -> None:
        raise ValueError("not a model")

    source.champion = broken  # type: ignore[method-assign]
    source.move("gold", 4200.0)
    after = poller.step()
    assert (after.champion, after.model_problem) == (kept, "ValueError: not a model")
    assert after.rows["GC=F"].values["price"] == 4200.0


def test_the_revision_moves_only_with_rows_or_champion(clock: Clock) -> None:
    source = StubSource(row("GC=F", 4105.2, at_ms=clock.ms))
    poller = Poller(source, UNIVERSE, clock)
    first = poller.step().revision
    assert poller.step().revision == first
    source.move("gold", 4106.0)
    assert poller.step().revision == first
    clock.ms += 2_000
    assert poller.step().revision == first + 1
    source.model = champion()
    assert poller.step().revision == first + 2


def test_the_trail_takes_one_point_per_second(clock: Clock) -> None:
    source = StubSource(row("GC=F", 1.0))
    poller = Poller(source, UNIVERSE, clock)
    for _ in range(5):
        poller.step()
        clock.ms += 500
        source.move("gold", source.reader.rows["GC=F"].values["price"] + 1)  # type: ignore[operator]
    assert poller.trail()["GC=F"] == [1.0, 3.0, 5.0]
    assert poller.trail()["BTC-USD"] == []


def test_the_thread_polls_and_stops() -> None:
    poller = Poller(StubSource(*rows()), UNIVERSE, every_s=0.01)
    poller.start()
    poller.stop()
    assert not poller._thread.is_alive()
