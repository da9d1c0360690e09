"""The volatility anchor: the expected standard deviation of an h-session log return.

Short-run variance reverts to the long run: the mean over h sessions of an AR(1) in variance. Everything
comes from online features, so that serving needs no history.
"""

from __future__ import annotations

import numpy as np

from training.horizons import HORIZONS, FloatArray

PERSISTENCE = 0.98  # per session: half of a volatility shock is gone after 34 sessions
FLOOR = 1e-5


def anchor(ewma_volatility: FloatArray, realised_volatility_252: FloatArray) -> FloatArray:
    """Standard deviation of the log return over each horizon.

    ewma_volatility, realised_volatility_252 : shape (n,), as the feature spec defines them.
    Returns shape (n, len(HORIZONS)). NaN in gives NaN out.
    """
    h = np.array(HORIZONS, dtype=float)
    weight = (1 - PERSISTENCE**h) / (h * (1 - PERSISTENCE))
    short, long = ewma_volatility[:, None] ** 2, realised_volatility_252[:, None] ** 2 / 252
    variance = np.maximum(weight * short + (1 - weight) * long, FLOOR**2)
    result: FloatArray = np.sqrt(variance * h)
    return result
