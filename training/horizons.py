"""Horizons and quantile levels that every member of the pool uses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stream_processors import proper_loss

FloatArray = npt.NDArray[np.float64]

HORIZONS = (1, 21, 42, 63, 84, 105, 126)  # NYSE sessions; 1 is for monitoring
FAN = HORIZONS[1:]  # those a saver sees
LONGEST = HORIZONS[-1]

LEVELS: FloatArray = np.array(
    [
        0.005,
        0.01,
        0.025,
        0.05,
        0.1,
        0.2,
        0.25,
        0.3,
        0.4,
        0.5,
        0.6,
        0.7,
        0.75,
        0.8,
        0.9,
        0.95,
        0.975,
        0.99,
        0.995,
    ]
)


def pinball(quantiles: FloatArray, outcome: FloatArray) -> FloatArray:
    """Mean pinball loss over LEVELS; half the CRPS in the limit of many levels.

    quantiles : shape (..., len(LEVELS)); outcome : shape (...). NaN in gives NaN out.
    Source: Gneiting and Raftery (2007), section 6.

    >>> float(pinball(np.zeros(len(LEVELS)), np.array(0.0)))
    0.0
    """
    error = outcome[..., None] - quantiles
    result: FloatArray = np.maximum(LEVELS * error, (LEVELS - 1) * error).mean(axis=-1)
    return result


SHARES: FloatArray = proper_loss.shares(LEVELS)


def crps(quantiles: FloatArray, outcome: FloatArray) -> FloatArray:
    """Continuous ranked probability score on our LEVELS, in the unit of the outcome.

    quantiles : shape (..., len(LEVELS)); outcome : shape (...). NaN in gives NaN out.
    """
    return proper_loss.crps(quantiles, LEVELS, outcome)
