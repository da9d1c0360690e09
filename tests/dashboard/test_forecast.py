"""Reading the form, and sharing answers."""

import pytest

from dashboard.forecast import Forecaster, request_of
from dashboard.live import Poller
from producers.errors import FixAndRestart, TryAgain
from tests.dashboard.stubs.forecasts import champion
from tests.dashboard.stubs.market import UNIVERSE, row, rows
from tests.dashboard.stubs.source import StubSource

HALF = {"gold": 50, "cash": "50"}


def test_a_form_becomes_a_request() -> None:
    asked = request_of("1500.50", {**HALF, "nasdaq": "", "bitcoin": None}, "3m", UNIVERSE)
    assert (asked.amount, asked.weights, asked.horizon) == (1500.5, {"gold": 50, "cash": 50}, "3m")


@pytest.mark.parametrize(
    ("amount", "weights", "horizon", "word"),
    [
        ("", HALF, "3m", "amount"),
        (None, HALF, "3m", "amount"),
        ("<script>", HALF, "3m", "amount"),
        ("9" * 10_000, HALF, "3m", "amount"),
        (10**400, HALF, "3m", "amount"),
        (True, HALF, "3m", "amount"),
        ([1], HALF, "3m", "amount"),
        (-5, HALF, "3m", "amount"),
        (10, {"gold": 60}, "3m", "sum to 100"),
        (10, {"gold": "nan"}, "3m", "gold"),
        (10, {"gold": {}}, "3m", "gold"),
        (10, {"gold": 1e308, "nasdaq": 1e308}, "3m", "gold must be 0 to 1,000,000 percent"),
        (10, {"gold": -10, "cash": 110}, "3m", "gold"),
        (10, {"shares": 100}, "3m", "unknown asset"),
        (10, HALF, None, "horizon"),
        (10, HALF, "9m", "horizon"),
    ],
)
def test_every_bad_field_is_one_sentence(
    amount: object, weights: dict[str, object], horizon: object, word: str
) -> None:
    with pytest.raises(FixAndRestart, match=word):
        request_of(amount, weights, horizon, UNIVERSE)


def test_viewers_with_the_same_form_share_one_answer() -> None:
    source = StubSource(*rows(), champion=champion())
    clock = [1_760_000_000_000]
    poller = Poller(source, UNIVERSE, lambda: clock[0])
    poller.step()
    forecast = Forecaster(poller)
    question = request_of(1000, HALF, "6m", UNIVERSE)
    assert forecast(question) is forecast(request_of(1000.0, dict(reversed(HALF.items())), "6m", UNIVERSE))
    assert len(source.asked) == 1
    source.move("gold", 4200.0)
    poller.step()
    forecast(question)
    assert len(source.asked) == 1, "half a year ahead hardly moves within a second"
    clock[0] += 2_000
    poller.step()
    forecast(question)
    assert len(source.asked) == 2


def test_what_is_missing_is_said() -> None:
    poller = Poller(StubSource(champion=champion()), UNIVERSE)
    forecast = Forecaster(poller)
    question = request_of(1000, HALF, "6m", UNIVERSE)
    with pytest.raises(TryAgain, match="feature store"):
        forecast(question)
    poller.step()
    with pytest.raises(TryAgain, match="prices"):
        forecast(question)
    poller.source.reader.rows = {"GC=F": row("GC=F", 4105.2)}  # type: ignore[attr-defined]
    poller.step()
    with pytest.raises(TryAgain, match="Bank deposit"):
        forecast(question)


def test_only_the_newest_answers_are_kept() -> None:
    poller = Poller(StubSource(*rows(), champion=champion()), UNIVERSE)
    poller.step()
    forecast = Forecaster(poller)
    for amount in range(1, 101):
        forecast(request_of(amount, HALF, "6m", UNIVERSE))
    assert len(forecast._answers) == 64
