# ruff: noqa: RUF001 - the page writes a true minus sign and an en dash
"""Words of the page, by table."""

from typing import Any

import pytest

from dashboard import model_view, view
from dashboard.live import Snapshot
from tests.dashboard.stubs.forecasts import answer, champion
from tests.dashboard.stubs.market import UNIVERSE, row, rows
from training.answer import AssetOutlook, Request

GOLD, _, _, BITCOIN, CASH = UNIVERSE.asset
ALL = {one.symbol: one for one in rows()}


def of(horizon: str = "6m", **weights: float) -> Any:
    return answer(Request(10_000.0, weights or {"sp500": 60.0, "cash": 40.0}, horizon), champion(), ALL)


def test_the_sentence_says_horizon_money_and_inflation() -> None:
    assert view.outcome(of(), real=False).sentence == (
        "In 126 trading days (about 6 months), half of the scenarios end above +290 before inflation."
    )
    assert view.outcome(of("1m"), real=True).sentence.startswith("In 21 trading days (about 1 month), half")


def test_a_losing_median_is_called_a_loss() -> None:
    shown = view.outcome(of(gold=100.0), real=True)
    assert shown.gains
    answered = answer(
        Request(10_000.0, {"gold": 100.0}, "6m"), champion(), {**ALL, "GC=F": row("GC=F", 3700.0)}
    )
    lost = view.outcome(answered, real=True)
    assert not lost.gains
    assert "half of the scenarios end at a loss of more than 887 after inflation" in lost.sentence
    assert lost.median == "▼ −887"


def test_figures_follow_the_switch() -> None:
    real, nominal = view.outcome(of(), real=True), view.outcome(of(), real=False)
    assert (real.median, nominal.median) == ("▲ +140", "▲ +290")
    assert nominal.median_percent == "+2.9 %"
    assert nominal.range == "−896 to +1,476"
    assert nominal.prob_loss == "34 %"
    assert nominal.prob_beat_deposit == "54 %"
    assert nominal.as_of == "30 Jul 2026, 14:05:09 UTC"


@pytest.mark.parametrize(
    ("feeds", "badge"),
    [
        ([], ""),
        (["yahoo"], "YAHOO"),
        (["yahoo", "csv"], "CSV + YAHOO"),
        (["yahoo", "simulated"], "SIMULATED PRICES"),
    ],
)
def test_one_simulated_price_marks_the_page(feeds: list[str], badge: str) -> None:
    given = {str(n): row(str(n), 1.0, feed=feed) for n, feed in enumerate(feeds)}
    assert view.feed_badge(Snapshot(rows=given)) == badge


def test_prices_and_changes() -> None:
    moved = {"BTC-USD": row("BTC-USD", 64010.5, log_return_1=-0.02), "^IRX": row("^IRX", 4.05)}
    snapshot = Snapshot(rows=moved)
    assert view.price(BITCOIN, snapshot) == "64,010.50"
    assert view.change(BITCOIN, snapshot) == ("▼ −1.98 %", "down")
    assert view.price(CASH, snapshot) == "4.05 %"
    assert view.change(CASH, snapshot) == ("", "even")
    assert (view.price(GOLD, snapshot), view.change(GOLD, snapshot)) == ("–", ("", "even"))


def test_a_row_that_is_still_warming_up_has_no_change() -> None:
    row_ = row("GC=F", 4105.2)
    row_.values["log_return_1"] = None
    assert view.change(GOLD, Snapshot(rows={"GC=F": row_})) == ("", "even")


def test_members_are_ranked_and_named() -> None:
    assert model_view.members({"har": 0.2, "lstm": 0.5, "new_one": 0.3}) == [
        ("LSTM", 0.5),
        ("new one", 0.3),
        ("HAR", 0.2),
    ]


def test_outlook() -> None:
    assert view.outlook(None) == "–"
    outlook = AssetOutlook(20.0, 1.0, 0.0, 0.0, return_p05=-0.1, return_median=0.02, return_p95=0.15)
    assert view.outlook(outlook).replace("\u00a0", " ") == "+2.0 % (−10.0 % to +15.0 %)"


def test_an_odd_moment_is_shown_as_it_came() -> None:
    assert view.as_of("yesterday") == "yesterday"
