"""What a member of the pool is: fitted on what was known, then a function from inputs to quantiles.

Adding a member is one file with a class like this and its line in members.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, Self

from training.horizons import FloatArray
from training.inputs import Inputs
from training.panel import Panel


class Forecaster(Protocol):
    """What the pool asks of a fitted member."""

    def quantiles(self, asset: int, inputs: Inputs) -> FloatArray:
        """Quantiles of log returns of the asset at this position of the panels, shape (n, H, L).

        They increase along the last axis. All NaN when the member cannot forecast the asset.
        """


class Member(ABC):
    """A fitted member. Subclasses are frozen dataclasses of arrays, which are also what is stored of them.

    learns_from_labels : fits on multi-session targets, so that an evaluation keeps an embargo before it.
    at_once : fits without imports that take seconds, so that it is in the first model after a start.
    """

    name: ClassVar[str]
    learns_from_labels: ClassVar[bool] = True
    at_once: ClassVar[bool] = True

    @classmethod
    @abstractmethod
    def fit(cls, panels: Sequence[Panel]) -> Self:
        """Fit on panels as they were known at one session; all that is in them may be used.

        An asset that this member cannot forecast (too short, constant, not converging) is no error: its
        quantiles are NaN, and the pool goes on without this member there.
        """

    @abstractmethod
    def quantiles(self, asset: int, inputs: Inputs) -> FloatArray:
        """As Forecaster says."""

    def arrays(self) -> dict[str, FloatArray]:
        """The fitted state."""
        return dict(vars(self))

    @classmethod
    def restore(cls, arrays: Mapping[str, FloatArray]) -> Self:
        """The inverse of `arrays`."""
        return cls(**arrays)
