"""Member `random_walk`: a Gaussian random walk with drift, the baseline that everybody knows.

Mean and standard deviation of all session returns so far, scaled by the horizon and its square root. Not in
the pool: it takes no notice of volatility, and its 90 % interval covers too little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from training.horizons import HORIZONS, FloatArray
from training.inputs import Inputs
from training.member import Member
from training.panel import Panel
from training.shape import normal_quantiles

MIN_RETURNS = 252


@dataclass(frozen=True)
class RandomWalk(Member):
    """mean, deviation : shape (assets,), per session; NaN for an asset with fewer than MIN_RETURNS returns."""

    name: ClassVar[str] = "random_walk"
    learns_from_labels: ClassVar[bool] = False

    mean: FloatArray
    deviation: FloatArray

    @classmethod
    def fit(cls, panels: Sequence[Panel]) -> Self:
        known = [panel.returns if len(panel.price) > MIN_RETURNS else np.full(2, np.nan) for panel in panels]
        return cls(np.array([r.mean() for r in known]), np.array([r.std(ddof=1) for r in known]))

    def quantiles(self, asset: int, inputs: Inputs) -> FloatArray:
        h = np.array(HORIZONS, dtype=float)[:, None]
        one = self.mean[asset] * h + self.deviation[asset] * np.sqrt(h) * normal_quantiles()
        return np.broadcast_to(one, (len(inputs.ewma), *one.shape))
