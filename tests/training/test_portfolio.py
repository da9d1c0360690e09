"""Profit against a simulation that follows one scenario at a time, in money."""

from __future__ import annotations

import numpy as np
import pytest

from training.portfolio import Rebalance, expected_shortfall, path, value_at_risk, worst_drawdown

RNG = np.random.default_rng(5)
GROWTH = np.exp(np.cumsum(RNG.normal(0, 0.08, (40, 6, 3)), axis=1))
SHARE = np.array([0.5, 0.3, 0.2])
FEE = np.array([0.01, 0.002, 0.0])


def follow(growth: np.ndarray, steps: int, monthly: bool) -> float:
    """What one unit of money is worth after selling everything at the end of `steps` steps."""
    money = [share * (1 - fee) for share, fee in zip(SHARE, FEE, strict=True)]
    for step in range(steps):
        if monthly and step > 0:
            total = sum(money)
            for asset in range(3):
                wanted = total * SHARE[asset]
                money[asset] = wanted - abs(wanted - money[asset]) * FEE[asset]
        for asset in range(3):
            before = growth[step - 1, asset] if step else 1.0
            money[asset] *= growth[step, asset] / before
    return float(sum(value * (1 - fee) for value, fee in zip(money, FEE, strict=True)))


@pytest.mark.parametrize("rebalance", ["none", "monthly"])
def test_the_profit_is_that_of_following_the_money(rebalance: Rebalance) -> None:
    found = path(GROWTH, SHARE, FEE, rebalance)
    for scenario in range(len(GROWTH)):
        for steps in (1, 3, 6):
            expected = follow(GROWTH[scenario], steps, rebalance == "monthly") - 1
            assert found.profit[scenario, steps - 1] == pytest.approx(expected)


def test_without_fees_and_trades_the_profit_is_the_weighted_simple_return() -> None:
    found = path(GROWTH, SHARE, np.zeros(3))
    assert found.gain == pytest.approx(SHARE * (GROWTH - 1))
    level = np.full(GROWTH.shape[:2], 1.03)
    assert found.real(SHARE, level).sum(axis=-1) == pytest.approx((1 + found.profit) / 1.03 - 1)


def test_rebalancing_buys_what_fell_and_fees_only_cost() -> None:
    swing = np.array([[[2.0, 1.0], [1.0, 1.0]]])  # one asset doubles, then halves
    half = np.array([0.5, 0.5])
    assert path(swing, half, np.zeros(2)).profit[0, 1] == pytest.approx(0.0)
    assert path(swing, half, np.zeros(2), "monthly").profit[0, 1] == pytest.approx(0.75 * 0.5 + 0.75 - 1)
    dear = path(swing, half, np.full(2, 0.01), "monthly").profit
    assert (dear < path(swing, half, np.zeros(2), "monthly").profit).all()


def test_an_asset_without_a_share_may_be_missing() -> None:
    growth = GROWTH.copy()
    growth[..., 2] = np.nan
    found = path(growth, np.array([0.6, 0.4, 0.0]), FEE, "monthly")
    assert np.isfinite(found.gain).all()
    assert (found.gain[..., 2] == 0).all()


def test_the_worst_twentieth_by_hand() -> None:
    gain = np.column_stack([np.arange(-50.0, 50.0), np.zeros(100)])
    gain[:5, 1] = -10.0  # only in the five worst scenarios
    cvar, parts = expected_shortfall(gain.sum(axis=1), gain)
    assert cvar == pytest.approx(48.0 + 10.0)
    assert parts == pytest.approx([48.0, 10.0])
    assert value_at_risk(np.arange(-50.0, 51.0)) == pytest.approx(45.0)


def test_the_drawdown_counts_from_the_highest_point_before() -> None:
    value = np.array([[1.2, 0.9, 1.5], [0.8, 1.0, 1.1], [1.1, 1.2, 1.3]])
    assert worst_drawdown(value) == pytest.approx([0.25, 0.2, 0.0])
