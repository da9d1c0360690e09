"""Member `climatology`: quantiles of past returns in units of the volatility anchor.

Always available: it needs seconds, not epochs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from training import shape
from training.horizons import FloatArray
from training.inputs import Inputs
from training.member import Member
from training.panel import Panel
from training.shape import Shape


@dataclass(frozen=True)
class Climatology(Member):
    """drift : shape (assets,).   standardised : shape (assets, H, L), in units of the anchor. See Shape."""

    name: ClassVar[str] = "climatology"

    drift: FloatArray
    standardised: FloatArray

    @classmethod
    def fit(cls, panels: Sequence[Panel]) -> Self:
        found = shape.fit(panels, [panel.inputs.sigma for panel in panels])
        return cls(found.drift, found.standardised)

    def quantiles(self, asset: int, inputs: Inputs) -> FloatArray:
        return Shape(self.drift, self.standardised).quantiles(asset, inputs.sigma)
