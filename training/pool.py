"""The pool: a weighted average of the members' quantiles, with weights that are earned on matured labels.

Each member's loss is compared with the mean of those that had a forecast at the same origin, so a member that
joined late (the LSTM) is neither punished nor rewarded for the time before. Half of the weight always stays
equal: a decade holds some forty independent quarters, which cannot tell good members apart.

Source: Freund, Schapire, Singer and Warmuth (1997), specialists that sleep; quantile averaging as in
Lichtendahl, Grushka-Cockayne and Winkler (2013).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.horizons import HORIZONS, FloatArray

STEEPNESS = 25.0  # a member that is surely 4 % better than another gets e times its earned weight
EQUAL = 0.5  # part of the weight that nothing can move
PRIOR = 20.0  # independent labels at which the evidence counts half
MEMORY_YEARS = 10.0  # age at which a label's evidence counts 1 / e


@dataclass(frozen=True)
class Weights:
    """What the members earned by one moment.

    weight  : member -> shape (assets, H), sum 1 over members; 0 where a member cannot forecast the asset.
    skill   : member -> shape (assets, H), loss below that of the equal pool's members, as a fraction.
    matured : shape (assets, H), labels that had ended.
    """

    weight: dict[str, FloatArray]
    skill: dict[str, FloatArray]
    matured: npt.NDArray[np.int64]


def equal(usable: Mapping[str, npt.NDArray[np.bool_]]) -> Weights:
    """The weights before any label has matured. usable : member -> shape (assets,)."""
    shape = (len(next(iter(usable.values()))), len(HORIZONS))
    nothing = {name: np.full((1, *shape), np.nan) for name in usable}
    return learn(nothing, np.array([0]), 0, usable)


def learn(
    losses: Mapping[str, FloatArray],
    origins: npt.NDArray[np.int64],
    now: int,
    usable: Mapping[str, npt.NDArray[np.bool_]],
) -> Weights:
    """Weights at session `now` from losses of forecasts whose horizon had ended by then.

    losses  : member -> shape (O, assets, H), in a unit that is comparable over time; NaN where there was no
              forecast or no outcome.    origins : shape (O,), their sessions.
    usable  : member -> shape (assets,), whether it can forecast the asset now.
    """
    names = list(losses)
    ended = origins[:, None] + np.array(HORIZONS) <= now
    table = np.where(ended[:, None, :], np.stack([losses[name] for name in names]), np.nan)
    awake = np.isfinite(table)
    number = awake.sum(axis=0)
    mean = np.where(awake, table, 0.0).sum(axis=0) / np.maximum(number, 1)
    age = np.exp(-(now - origins) / (252 * MEMORY_YEARS))[:, None, None]
    counted = age * (number > 1)  # with one member awake there is nothing to compare
    size = (counted * mean).sum(axis=0)
    evidence = counted * awake
    gained = np.where(awake, (mean - table) * counted, 0.0).sum(axis=1)  # (members, assets, H)
    faced = (evidence * mean).sum(axis=1)
    own = gained / np.where(faced > 0, faced, 1.0)
    common = gained.sum(axis=1, keepdims=True) / np.maximum(faced.sum(axis=1, keepdims=True), 1e-300)
    step = float(np.median(np.diff(origins))) if len(origins) > 1 else 1.0
    independent = evidence.sum(axis=1) * np.minimum(1.0, step / np.array(HORIZONS))
    skill = (independent * own + PRIOR * common) / (independent + PRIOR)
    trust = independent.sum(axis=1, keepdims=True)
    score = STEEPNESS * skill * trust / (trust + PRIOR)
    able = np.stack([usable[name] for name in names])[:, :, None]
    earned = np.where(able, np.exp(score - score.max(axis=0)), 0.0)
    earned /= np.maximum(earned.sum(axis=0), 1e-300)
    weight = EQUAL * able / np.maximum(able.sum(axis=0), 1) + (1 - EQUAL) * earned
    weight /= np.maximum(weight.sum(axis=0), 1e-300)
    return Weights(
        {name: weight[at] for at, name in enumerate(names)},
        {name: np.where(size > 0, own[at], np.nan) for at, name in enumerate(names)},
        np.asarray((number > 0).sum(axis=0)),
    )


def combine(quantiles: Mapping[str, FloatArray], weight: Mapping[str, FloatArray]) -> FloatArray:
    """Quantile average (Vincentisation), shape (n, H, L).

    quantiles : member -> shape (n, H, L), NaN only where its weight is 0; weight : member -> shape (H,).
    NaN where every member's weight is 0.
    """
    total = sum(
        np.where(weight[name][:, None] > 0, quantiles[name], 0.0) * weight[name][:, None]
        for name in quantiles
    )
    anyone = sum(weight[name] for name in quantiles)
    result: FloatArray = np.sort(
        np.where(np.asarray(anyone)[:, None] > 0, np.asarray(total), np.nan), axis=-1
    )
    return result
