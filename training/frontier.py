"""Which allocations would lose least in the worst twentieth? By skfolio, on our scenarios.

Importing this module does not import skfolio, which takes seconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from producers.errors import FixAndRestart
from training.answer import Choice, Suggestion
from training.horizons import FloatArray
from training.portfolio import expected_shortfall
from training.profit import Outcome

SCENARIOS = 2_000  # of the 10,000: the linear programme grows with them, its answer hardly does
POINTS = 7


def suggest(outcome: Outcome, at: int) -> Suggestion:
    """The allocation of least CVaR, the efficient frontier, and the user's own point, at FAN[at].

    Real simple returns without fees, of all assets with scenarios or a rate, none held short. Raises
    FixAndRestart with fewer than two of them.
    """
    from skfolio import RiskMeasure
    from skfolio.optimization import MeanRisk

    if len(outcome.assets) < 2:
        raise FixAndRestart(f"a suggestion needs two assets with prices, there is {len(outcome.assets)}")
    real = outcome.growth[:SCENARIOS, at] / outcome.price_level[:SCENARIOS, at, None] - 1
    options = {"risk_measure": RiskMeasure.CVAR, "cvar_beta": 0.95}
    least: Any = MeanRisk(**options).fit(real)
    curve: Any = MeanRisk(**options, efficient_frontier_size=POINTS).fit(real)
    own = np.array([outcome.request.weights.get(name, 0.0) / 100 for name in outcome.assets])
    return Suggestion(
        least_cvar=_choice(outcome, real, least.weights_),
        frontier=[_choice(outcome, real, weights) for weights in curve.weights_],
        own=_choice(outcome, real, own),
    )


def _choice(outcome: Outcome, real: FloatArray, weights: FloatArray) -> Choice:
    profit = real * weights
    total = profit.sum(axis=1)
    cvar, _ = expected_shortfall(total, profit)
    amount = outcome.request.amount
    shares = {name: round(100 * float(part), 2) for name, part in zip(outcome.assets, weights, strict=True)}
    return Choice(weights=shares, real_mean=amount * float(total.mean()), cvar95=amount * cvar)
