"""The pool: a weighted average of the members' quantiles, with weights that are earned."""

from __future__ import annotations

import numpy as np

from training.horizons import FloatArray

STEEPNESS = 50.0  # a member 2 % better than another gets e times its earned weight


def weights(losses: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Weights per member and horizon from held-out pinball losses, shrunk half-way to equal.

    losses : shape (H,) each. Returns shape (H,) each; they sum to 1 per horizon. Half of the weight stays
    equal because a few hundred overlapping labels cannot tell good members apart.
    """
    names = list(losses)
    table = np.stack([losses[name] for name in names])
    relative = table / table.min(axis=0) - 1
    earned = np.exp(-STEEPNESS * relative)
    shrunk = 0.5 / len(names) + 0.5 * earned / earned.sum(axis=0)
    return {name: shrunk[row] for row, name in enumerate(names)}


def combine(quantiles: dict[str, FloatArray], weight: dict[str, FloatArray]) -> FloatArray:
    """Quantile average (Vincentisation). quantiles : shape (..., H, L) each; weight : shape (H,) each."""
    total = sum(quantiles[name] * weight[name][:, None] for name in quantiles)
    result: FloatArray = np.sort(np.asarray(total), axis=-1)
    return result
