"""Member `climatology`: quantiles of past returns in units of the volatility anchor.

Always available: it needs seconds, not epochs. Location and shape of an asset are shrunk towards those of all
assets: ten years of bitcoin are some twenty independent half-years, and a 95 % quantile of twenty is an
anecdote.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.dataset import Panel
from training.horizons import HORIZONS, LEVELS, FloatArray

SHRINK_YEARS = 20.0  # history at which an asset's own location and shape get half the weight
MIN_LABELS = 252


def fit(panels: list[Panel], before: int) -> FloatArray:
    """Standardised quantiles per asset and horizon, from targets that ended at or before session `before`.

    Returns shape (assets, len(HORIZONS), len(LEVELS)). Assets with fewer than MIN_LABELS labels get the
    quantiles of all assets together, and those a normal distribution's. Purging is by target end.
    """
    scaled = [_scaled(panel, before) for panel in panels]
    own = [_sharpe(z) for z in scaled]
    known = [value for value in own if np.isfinite(value)]
    common = float(np.median(known)) if known else 0.0
    everything = np.concatenate([_centred(z) for z in scaled])
    out = np.empty((len(panels), len(HORIZONS), len(LEVELS)))
    for position, z in enumerate(scaled):
        years = np.isfinite(z[:, 0]).sum() / 252
        weight = years / (years + SHRINK_YEARS) if np.isfinite(own[position]) else 0.0
        sharpe = weight * own[position] + (1 - weight) * common if weight else common
        for column, horizon in enumerate(HORIZONS):
            shape = _shape(everything[:, column], MIN_LABELS)
            own_shape = _shape(_centred(z)[:, column], MIN_LABELS)
            if shape is None:
                shape = _normal()
            if own_shape is not None:
                shape = weight * own_shape + (1 - weight) * shape
            out[position, column] = shape + sharpe * np.sqrt(horizon)
    return out


def _shape(labels: FloatArray, least: int) -> FloatArray | None:
    """Quantiles of the finite labels, None when there are fewer than `least`."""
    finite = labels[np.isfinite(labels)]
    return np.quantile(finite, LEVELS) if len(finite) >= least else None


def _scaled(panel: Panel, before: int) -> FloatArray:
    ended = panel.session[:, None] + np.array(HORIZONS) <= before
    result: FloatArray = np.where(ended, panel.target / panel.sigma, np.nan)
    return result


def _centred(z: FloatArray) -> FloatArray:
    count = np.maximum(np.isfinite(z).sum(axis=0), 1)
    result: FloatArray = z - np.nansum(z, axis=0) / count
    return result


def _sharpe(z: FloatArray) -> float:
    """Mean standardised 1-session return, NaN without labels."""
    labels = z[np.isfinite(z[:, 0]), 0]
    return float(labels.mean()) if len(labels) >= MIN_LABELS else float("nan")


def _normal() -> npt.NDArray[np.float64]:
    from scipy.stats import norm

    return np.asarray(norm.ppf(LEVELS))
