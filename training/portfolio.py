"""What an allocation gains on each scenario: buy and hold or monthly rebalancing, with fees.

Profits are simple returns of money, asset by asset: quantiles of single assets do not add up, and neither do
log returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from training.horizons import FloatArray

Rebalance = Literal["none", "monthly"]
TAIL = 0.05  # VaR and CVaR at 95 %


@dataclass(frozen=True)
class Path:
    """Per unit of money put in. gain : shape (scenarios, steps, assets), what each asset has gained, net of the
    fees for buying, rebalancing and selling it then; the sum over assets is the profit.
    """

    gain: FloatArray

    @property
    def profit(self) -> FloatArray:
        """Nominal profit, shape (scenarios, steps)."""
        result: FloatArray = self.gain.sum(axis=-1)
        return result

    def real(self, share: FloatArray, price_level: FloatArray) -> FloatArray:
        """Gains in today's money, shape of gain. price_level : (scenarios, steps), 1 is today's."""
        result: FloatArray = (share + self.gain) / price_level[..., None] - share
        return result


def path(growth: FloatArray, share: FloatArray, fee: FloatArray, rebalance: Rebalance = "none") -> Path:
    """Follow an allocation along the scenarios.

    growth : shape (scenarios, steps, assets), value of one unit of money held in an asset since today.
    share  : shape (assets,), fractions that sum to 1.     fee : shape (assets,), fraction of every trade.
    rebalance : "monthly" restores the shares at every step before the one looked at, for fees. NaN in `growth`
    of an asset with a share gives NaN out.
    """
    steps = growth.shape[1]
    held = np.where(share > 0, growth, 1.0)
    before = np.concatenate([np.ones_like(held[:, :1]), held[:, :-1]], axis=1)
    factor = held / before
    bought = share * (1 - fee)  # a trade of 1 costs its fee out of itself
    value = np.broadcast_to(bought, (len(growth), len(share)))
    gained = np.broadcast_to(bought - share, value.shape)
    out = np.empty_like(held)
    for step in range(steps):
        if rebalance == "monthly" and step > 0:
            wanted = value.sum(axis=-1, keepdims=True) * share
            cost = np.abs(wanted - value) * fee
            value, gained = wanted - cost, gained - cost
        grown = value * factor[:, step]
        gained = gained + grown - value
        value = grown
        out[:, step] = gained - value * fee  # as if sold here
    return Path(out)


def value_at_risk(profit: FloatArray) -> float:
    """Loss that one scenario in twenty exceeds, a positive number; negative when even that one gains."""
    return -float(np.quantile(profit, TAIL))


def expected_shortfall(profit: FloatArray, gain: FloatArray) -> tuple[float, FloatArray]:
    """CVaR 95, the mean loss of the worst twentieth, and each asset's part in it; the parts sum to it.

    profit : shape (scenarios,); gain : shape (scenarios, assets), which sums to it.
    Source: Tasche (2000), equation 4.2: the derivative of the CVaR in an asset's weight.
    """
    worst = np.argsort(profit, kind="stable")[: max(1, int(TAIL * len(profit)))]
    return -float(profit[worst].mean()), -gain[worst].mean(axis=0)


def worst_drawdown(value: FloatArray) -> FloatArray:
    """Deepest fall below an earlier high, as a fraction of that high, shape (scenarios,).

    value : shape (scenarios, steps), > 0, money at each step; today's 1 is put before them.
    """
    full = np.concatenate([np.ones((len(value), 1)), value], axis=1)
    peak = np.maximum.accumulate(full, axis=1)
    result: FloatArray = np.max(1 - full / peak, axis=1)
    return result
