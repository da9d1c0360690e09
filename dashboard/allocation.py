"""Ready-made allocations and scaling to 100 percent. Weights are percent per asset id."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from producers.universe import Universe
from training.answer import MAX_WEIGHT

UNITS = 1000  # weights are shown in tenths of a percent


@dataclass(frozen=True)
class Preset:
    """An allocation under a name. Its weights sum to 100 and name every asset of the universe."""

    id: str
    label: str
    weights: dict[str, float]


def scale_to_100(weights: Mapping[str, float]) -> dict[str, float]:
    """The same proportions, in tenths of a percent that sum to exactly 100.

    What is negative or not finite counts as 0; when nothing is left, all get the same.
    Tenths go to the largest remainders: plain rounding of thirds would end at 99.9.

    >>> scale_to_100({"gold": 1.0, "nasdaq": 1.0, "cash": 1.0})
    {'gold': 33.4, 'nasdaq': 33.3, 'cash': 33.3}
    """
    usable = {
        name: weight if math.isfinite(weight) and weight > 0 else 0.0 for name, weight in weights.items()
    }
    largest = max(usable.values(), default=0.0)
    if not usable:
        return {}
    if largest <= 0:
        usable = dict.fromkeys(usable, 1.0)
        largest = 1.0
    shares = {name: weight / largest for name, weight in usable.items()}  # so that no sum overflows
    total = math.fsum(shares.values())
    exact = {name: share / total * UNITS for name, share in shares.items()}
    units = {name: math.floor(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: units[name] - exact[name])
    for name in by_remainder[: UNITS - sum(units.values())]:
        units[name] += 1
    return {name: value / (UNITS / 100) for name, value in units.items()}


def presets(universe: Universe) -> list[Preset]:
    """Equal parts; all in the deposit and 60/40-like where the universe has those assets."""
    ids = [asset.id for asset in universe.asset]
    ready = [Preset("equal", "Equal parts", scale_to_100(dict.fromkeys(ids, 1.0)))]
    deposit = universe.deposit
    if deposit is not None:
        ready.append(Preset("deposit", "All deposit", {name: 100.0 * (name == deposit.id) for name in ids}))
    if deposit is not None and "sp500" in ids:
        split = {"sp500": 60.0, deposit.id: 40.0}
        ready.append(Preset("sixty", "60/40", {name: split.get(name, 0.0) for name in ids}))
    seed = [name for name in ("gold", "nasdaq", "bitcoin") if name in ids]
    if len(seed) == 3:  # those of the student project this one grew from
        thirds = scale_to_100(dict.fromkeys(seed, 1.0))
        ready.append(Preset("three", "Gold, NASDAQ, bitcoin", {name: thirds.get(name, 0.0) for name in ids}))
    return ready


def total(weights: Mapping[str, float]) -> str:
    """The sum as the form shows it.

    >>> total({"gold": 33.3, "cash": 66.7}), total({"gold": 33.35}), total({"gold": 1e308, "cash": 1e308})
    ('100 %', '33.35 %', 'not a number')
    """
    if not all(abs(weight) <= MAX_WEIGHT for weight in weights.values()):  # nor is NaN
        return "not a number"
    return f"{math.fsum(weights.values()):.2f}".rstrip("0").rstrip(".") + " %"
