"""Allocations beside each other, crises, and the record, on small made-up numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dashboard import compare_view, stream, trust_view
from dashboard import figures as charts
from dashboard.compare import difference, figures, less_risk, profit
from dashboard.live import Snapshot
from dashboard.past import so_far
from dashboard.skill import GARCH, WALK, p_value, skills
from dashboard.stress import WINDOWS, Window, path, stress
from producers.sessions import nyse
from tests.dashboard.stubs.forecasts import champion
from tests.dashboard.stubs.market import UNIVERSE, closes, rows
from tests.dashboard.stubs.record import record
from training.answer import Choice, Request, Suggestion
from training.profit import simulate
from training.said_and_done import Matured

ROWS = {one.symbol: one for one in rows()}


def outcome(**weights: float) -> Any:
    return simulate(Request(10_000.0, weights, "6m"), champion().scenarios(ROWS), ROWS, UNIVERSE)


def test_an_allocation_does_not_differ_from_itself() -> None:
    own = profit(outcome(gold=50.0, cash=50.0), 126, real=True)
    same = difference(own, own)
    assert (same.mean, same.mean_error, same.p05, same.p95, same.prob_better) == (0, 0, 0, 0, 0)


def test_on_the_same_scenarios_the_difference_is_surer_than_each() -> None:
    one, two = (profit(outcome(bitcoin=part, cash=100.0 - part), 126, real=True) for part in (50.0, 51.0))
    apart = difference(two, one)
    assert apart.mean == pytest.approx(float(two.mean() - one.mean()))
    assert apart.mean_error < 0.05 * float(one.std() / np.sqrt(len(one)))


def test_the_deposit_has_no_fall_and_cannot_beat_itself() -> None:
    found = figures(outcome(cash=100.0), 126, real=False)
    assert found.drawdown == 0
    assert found.prob_beat_deposit is None
    assert found.prob_loss == 0


def choice(mean: float, cvar: float, **weights: float) -> Choice:
    return Choice(weights or {"gold": 100.0}, mean, cvar)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (choice(150, 400, gold=0.0, cash=100.0), (150.0, 150.0)),  # half-way between the first two
        (choice(150, 151, gold=0.0, cash=100.0), None),  # as good as on the line
        (choice(50, 300, gold=0.0, cash=100.0), (100.0, 100.0)),  # even the least risk gains more
        (choice(900, 2_000, gold=0.0, cash=100.0), None),  # nothing gains as much
    ],
)
def test_the_same_profit_with_less_risk(own: Choice, expected: tuple[float, float] | None) -> None:
    points = [choice(100, 100, cash=100.0), choice(200, 200, gold=100.0), choice(400, 800, gold=100.0)]
    found = less_risk(Suggestion(points[0], points, own))
    assert (found and (found.real_mean, found.cvar95)) == expected
    if found:
        assert sum(found.weights.values()) == pytest.approx(100)


LINE = {"GC=F": {20200102: 100.0, 20200103: 50.0, 20200106: 80.0}, "^IRX": {20200102: 2.52}}


def test_a_path_follows_closes_and_interest() -> None:
    dates, value = path({"gold": 100.0}, LINE, UNIVERSE, 20200101, 20201231)
    assert (dates, value) == ([20200102, 20200103, 20200106], [1.0, 0.5, 0.8])
    assert path({"gold": 50.0, "cash": 50.0}, LINE, UNIVERSE, 20200102, 20200103)[1][1] == pytest.approx(
        0.75 + 0.5 * 0.0001
    )
    assert path({"nasdaq": 100.0}, LINE, UNIVERSE, 0, 99999999) == ([], [])


def test_a_crisis_has_a_change_and_a_deepest_fall() -> None:
    found = stress(Window("short", 20200102, 20200106), {"gold": 100.0}, LINE, UNIVERSE)
    assert (found.change, found.worst_fall) == (pytest.approx(-0.2), 0.5)


def test_what_was_not_traded_then_is_named() -> None:
    known = closes()
    assert stress(WINDOWS[0], {"bitcoin": 100.0}, known, UNIVERSE).missing == ("Bitcoin",)
    assert stress(WINDOWS[2], {"bitcoin": 100.0}, known, UNIVERSE).change is not None
    assert stress(WINDOWS[0], {"gold": 100.0}, {}, UNIVERSE).missing == ("Gold",)


def test_the_past_of_a_mix_ends_at_today() -> None:
    snapshot = Snapshot(record=record(), basis=ROWS)
    past = so_far(Request(10_000.0, {"gold": 60.0, "cash": 40.0}, "6m"), snapshot, UNIVERSE)
    assert len(past) == 42
    assert so_far(Request(10_000.0, {"gold": 100.0}, "6m"), Snapshot(basis=ROWS), UNIVERSE) == []


def matured(
    symbol: str, day: int, loss: bool, said: float = 0.1, crps: float = 0.001, horizon: int = 1
) -> Matured:
    return Matured(symbol, day, horizon, "v1", said, loss, True, False, crps)


def test_the_record_in_words() -> None:
    rows_ = [matured("GC=F", 20260701 + n, n == 0, horizon=21) for n in range(10)]
    text = str(trust_view.words(rows_))
    assert "10 forecasts have come due" in text
    assert "named about 10 % chance of a loss, it happened 1 of 10 times" in text
    assert trust_view.words([]) == []


def test_skill_is_positive_for_who_knows_more() -> None:
    known = {"GC=F": closes()["GC=F"]}
    days = sorted(known["GC=F"])[-40:-2]
    good = [matured("GC=F", day, False, crps=1e-6) for day in days]
    (found,) = skills(good, known, {}, nyse())
    assert found.skill > 0.99
    assert found.p is not None
    assert found.p < 0.001
    assert skills([matured("GC=F", 19990105, False)], known, {}, nyse()) == []


def test_garch_is_a_walk_without_clusters_and_knows_calm_from_storm() -> None:
    """With alpha 0 its variance is the long-run one; after calm sessions it says less than the walk."""
    rng = np.random.default_rng(4)
    days = [int(day) for day in nyse().yyyymmdd if day >= 20200102][:900]
    moves = np.concatenate([rng.normal(0, 0.02, 700), rng.normal(0, 0.005, 200)])
    prices = {"GC=F": dict(zip(days, (100 * np.exp(np.cumsum(moves))).tolist(), strict=True))}
    rows_ = [matured("GC=F", day, False, crps=0.003) for day in days[760:890]]
    mean = float(moves[:760].mean())
    plain = {("GC=F", row.session_date): (mean, 0.0, 0.9) for row in rows_}
    walk, flat = skills(rows_, prices, plain, nyse())
    assert (walk.reference, flat.reference) == (WALK, GARCH)
    assert flat.skill == pytest.approx(walk.skill, abs=0.002)
    clustered = {("GC=F", row.session_date): (0.0, 0.1, 0.88) for row in rows_}
    walk, garch = skills(rows_, prices, clustered, nyse())
    assert garch.skill < walk.skill - 0.2, (
        "in a calm GARCH is far better than the walk, so less is saved of it"
    )


def test_a_test_needs_enough_and_finds_nothing_in_noise() -> None:
    noise = np.random.default_rng(2).normal(size=400)
    assert p_value(noise[:9], 1) is None
    assert p_value(noise[:80], 21) is None
    p = p_value(noise - noise.mean(), 5)
    assert p is not None
    assert p == pytest.approx(0.5)


@pytest.mark.parametrize("kind", ["after inflation", "before inflation"])
def test_compared_money_says_what_it_is(kind: str) -> None:
    own, other = outcome(sp500=60.0, cash=40.0), outcome(cash=100.0)
    found = [(name, figures(one, 126, real=True)) for name, one in (("A", own), ("B", other))]
    apart = [None, difference(profit(other, 126, real=True) * 1e4, profit(own, 126, real=True) * 1e4)]
    shown = str(compare_view.compared(found, apart, 1e8, " EUR", kind))
    assert f"side by side, {kind}" in shown
    assert f"All money is {kind}" in shown
    assert re.search(r"± [\d,]+ EUR", shown.replace("\xa0", " ")), shown
    assert "e+0" not in shown
    assert charts.ranges(found, ", EUR", kind)["layout"]["xaxis"]["title"]["text"] == f"profit {kind}, EUR"


def test_the_frontier_is_worked_out_again_when_it_must_be() -> None:
    ready = Snapshot(rows=ROWS, champion=champion(), taken_ms=1, store_problem="")
    minute = 60_000
    now = stream.frontier_revision(ready, "", minute)
    assert stream.frontier_revision(ready, "", 2 * minute) == now
    assert stream.frontier_revision(ready, "", 11 * minute) != now
    assert stream.frontier_revision(ready, "Waiting for prices.", minute) != now
    assert stream.frontier_revision(replace(ready, champion=champion(version="v2")), "", minute) != now
