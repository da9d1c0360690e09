"""Member `lstm` as it is served: the anchor, moved by the exported network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from training import members
from training.adjustment import move
from training.horizons import FloatArray
from training.inputs import Inputs
from training.member import Forecaster


class Network(Protocol):
    """The exported network, or a stand-in for it."""

    def __call__(self, window: FloatArray, statics: FloatArray) -> FloatArray:
        """Log scale per row and horizon, shape (n, H)."""


@dataclass(frozen=True)
class Adjusted:
    """anchor : the other members, whose mean the network moves."""

    anchor: Sequence[Forecaster]
    network: Network

    def quantiles(self, asset: int, inputs: Inputs) -> FloatArray:
        """As Forecaster says."""
        plain = members.average(self.anchor, asset, inputs)
        return move(plain, self.network(inputs.window, inputs.statics))
