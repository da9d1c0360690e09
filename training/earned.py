"""What stands behind a forecast: each member's weight, its live skill, and how many labels have matured.

Written into the model's manifest and into every logged forecast, so that a reader can see whether the LSTM
earned its place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from training.horizons import HORIZONS
from training.pool import Weights


class Earned(msgspec.Struct, frozen=True):
    """Of one asset; every list has one entry per horizon.

    weights : member -> fraction, sum 1 over members.
    skill   : member -> share of the members' mean loss that it saved on matured labels; None without any.
    matured : labels that had ended when the weights were learned.
    """

    horizons: list[int]
    weights: dict[str, list[float]]
    skill: dict[str, list[float | None]]
    matured: list[int]


def earned(weights: Weights, symbols: Sequence[str]) -> dict[str, Earned]:
    """Per symbol."""
    return {
        symbol: Earned(
            horizons=list(HORIZONS),
            weights={name: value[at].tolist() for name, value in weights.weight.items()},
            skill={name: [_known(one) for one in value[at]] for name, value in weights.skill.items()},
            matured=weights.matured[at].tolist(),
        )
        for at, symbol in enumerate(symbols)
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
