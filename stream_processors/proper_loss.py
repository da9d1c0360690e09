"""The loss of quantile forecasts, and by how much one is worse than another, on a scale that is known beforehand.

Source: Gneiting and Ranjan (2011), equation 14, for the CRPS as an integral of the pinball loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def shares(levels: FloatArray) -> FloatArray:
    """Share of the unit interval that each level stands for (trapezoids; the loss vanishes at 0 and 1)."""
    result: FloatArray = (np.append(levels[1:], 1.0) - np.append(0.0, levels[:-1])) / 2
    return result


def crps(quantiles: FloatArray, levels: FloatArray, outcome: FloatArray) -> FloatArray:
    """Continuous ranked probability score, in the unit of the outcome: twice the integral of the pinball loss.

    Unlike the mean over the levels, which may be denser in the tails, every part of the distribution counts by its
    probability. quantiles : shape (..., len(levels)); outcome : shape (...). NaN in gives NaN out.
    """
    error = outcome[..., None] - quantiles
    result: FloatArray = 2 * (np.maximum(levels * error, (levels - 1) * error) @ shares(levels))
    return result


def bounded_difference(
    new: Sequence[float] | FloatArray,
    old: Sequence[float] | FloatArray,
    levels: Sequence[float] | FloatArray,
    outcome: float,
) -> float:
    """CRPS of `new` minus that of `old`, over the most it could have been: in [-1, 1], 0 for equal forecasts.

    The pinball loss moves at most max(level, 1 - level) times as far as its quantile, so the bound is known before
    the outcome, and betting on the difference gives an e-process.
    """
    q_new, q_old, at = (np.asarray(one, dtype=float) for one in (new, old, levels))
    y = np.array(outcome)
    bound = float(np.abs(q_new - q_old) @ (2 * shares(at) * np.maximum(at, 1 - at)))
    if bound == 0:
        return 0.0
    return max(-1.0, min(1.0, float(crps(q_new, at, y) - crps(q_old, at, y)) / bound))
