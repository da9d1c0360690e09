"""The profit of one allocation on the champion's scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from feature_repo.online import FeatureRow
from producers.errors import TryAgain
from producers.sessions import PER_YEAR
from producers.universe import Universe
from training import short_rate
from training.answer import Request
from training.champion import Scenarios
from training.horizons import FAN, FloatArray
from training.portfolio import Rebalance, path


@dataclass(frozen=True)
class Outcome:
    """Every scenario's outcome; shapes (scenarios, len(FAN), assets) but for price_level.

    assets : ids, those with scenarios or a rate.        growth : value of one unit of money in each asset.
    nominal, real : what each asset gained in money, fees taken off; in the money of then and of today.
    price_level : (scenarios, len(FAN)), 1 is today's.   short_rate : the same shape, percent per year, or None.
    deposit : position of the deposit, None without one.
    """

    request: Request
    assets: list[str]
    growth: FloatArray
    nominal: FloatArray
    real: FloatArray
    price_level: FloatArray
    short_rate: FloatArray | None
    deposit: int | None

    def prob_beat_deposit(self, at: int) -> float | None:
        """Chance of ending with more than the deposit at FAN[at]; None without one, or with nothing else."""
        if self.deposit is None or set(self.request.weights) == {self.assets[self.deposit]}:
            return None
        safe = self.request.amount * (self.growth[:, at, self.deposit] - 1)
        return float(np.mean(self.nominal[:, at].sum(axis=-1) > safe))


def simulate(
    request: Request, scenarios: Scenarios, rows: Mapping[str, FeatureRow], universe: Universe
) -> Outcome:
    """Follow the request's allocation. Every asset of the request must have scenarios or a rate.

    Raises TryAgain when the deposit is to be renewed and nothing is known of the rate's past.
    """
    sessions = np.array(FAN, dtype=float)
    price_level = np.exp(scenarios.inflation)
    columns: dict[str, FloatArray] = {}
    level: FloatArray | None = None
    for asset in universe.asset:
        row = rows.get(asset.symbol)
        if asset.symbol in scenarios.symbols:
            columns[asset.id] = np.exp(scenarios.log_return[..., scenarios.symbols.index(asset.symbol)])
        elif asset is universe.deposit and row is not None:
            rate = row.values["price"] or 0.0
            # A fixed term earns today's rate to maturity; interest is paid at the end.
            columns[asset.id] = np.broadcast_to(1 + rate / 100 * sessions / PER_YEAR, price_level.shape)
            if scenarios.rate is not None:
                level = short_rate.levels(rate, scenarios.rate)
            if request.deposit == "renewed":
                if level is None:
                    raise TryAgain(
                        f"{asset.name}: too little history of the short rate to say what a deposit renewed "
                        "every month will earn; choose the fixed term"
                    )
                columns[asset.id] = short_rate.growth(rate, level, PER_YEAR)
    assets = list(columns)
    deposit = universe.deposit.id if universe.deposit is not None else None
    growth = np.stack(list(columns.values()), axis=-1)
    share = np.array([request.weights.get(name, 0.0) / 100 for name in assets])
    fee = np.array([0.0 if name == deposit else request.fee / 100 for name in assets])
    found = path(growth, share, fee, cast(Rebalance, request.rebalance))
    return Outcome(
        request=request,
        assets=assets,
        growth=growth,
        nominal=request.amount * found.gain,
        real=request.amount * found.real(share, price_level),
        price_level=price_level,
        short_rate=level,
        deposit=assets.index(deposit) if deposit in columns else None,
    )
