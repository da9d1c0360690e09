"""The members: the classes of all, and which of them the pool is made of.

Adding one is a file with a subclass of Member and its name here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from training.climatology import Climatology
from training.garch import GarchFhs
from training.har import Har
from training.horizons import FloatArray
from training.inputs import Inputs
from training.member import Forecaster, Member
from training.panel import Panel

POOLED: tuple[type[Member], ...] = (Climatology, GarchFhs, Har)
LSTM = "lstm"  # the member that is trained for minutes and joins the others later


def fit(panels: Sequence[Panel], only_at_once: bool = False) -> dict[str, Member]:
    """Every pooled member on the same panels, in seconds; or only those that need no slow import."""
    return {member.name: member.fit(panels) for member in POOLED if member.at_once or not only_at_once}


def restore(name: str, arrays: Mapping[str, FloatArray]) -> Member:
    """A member from its stored state."""
    return next(member for member in POOLED if member.name == name).restore(arrays)


def usable(members: Mapping[str, Forecaster], panels: Sequence[Panel]) -> dict[str, npt.NDArray[np.bool_]]:
    """Whether each member can forecast each asset now, from its newest row: member -> shape (assets,)."""
    return {
        name: np.array(
            [
                bool(np.isfinite(member.quantiles(position, panel.inputs[-1:])).all())
                for position, panel in enumerate(panels)
            ]
        )
        for name, member in members.items()
    }


def average(members: Sequence[Forecaster], asset: int, inputs: Inputs) -> FloatArray:
    """Mean of the quantiles of the members that can forecast the asset, shape (n, H, L); NaN when none can."""
    table = np.stack([member.quantiles(asset, inputs) for member in members])
    awake = np.isfinite(table).all(axis=(2, 3), keepdims=True)
    number = awake.sum(axis=0)
    mean = np.where(awake, table, 0.0).sum(axis=0) / np.maximum(number, 1)
    result: FloatArray = np.where(number > 0, mean, np.nan)
    return result
