"""Drift and shape of returns, shared by the members that forecast a scale.

Both are shrunk towards those of all assets: ten years of bitcoin are some twenty independent half-years, and
a 95 % quantile of twenty is an anecdote. The drift does not grow with today's volatility: markets that fall
are volatile, so a drift in units of volatility promises most just then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.horizons import HORIZONS, LEVELS, FloatArray
from training.panel import Panel

SHRINK_YEARS = 10.0  # history at which an asset's own location and shape get half the weight
MEMORY_YEARS = 8.0  # age at which a label counts half
MIN_LABELS = 252


@dataclass(frozen=True)
class Shape:
    """drift : shape (assets,), mean log return per session.
    standardised : shape (assets, H, L), quantiles of what is left over the forecast standard deviation.
    """

    drift: FloatArray
    standardised: FloatArray

    def quantiles(self, asset: int, scale: FloatArray) -> FloatArray:
        """Quantiles of log returns, shape (n, H, L), for standard deviations of shape (n, H)."""
        location = self.drift[asset] * np.array(HORIZONS, dtype=float)
        result: FloatArray = location[:, None] + self.standardised[asset] * scale[..., None]
        return result


def fit(panels: Sequence[Panel], scales: Sequence[FloatArray]) -> Shape:
    """Drift and shape from all labels of the panels.

    scales : per asset, shape (n, H), the forecast standard deviations. Older labels count less: markets
    trended from day to day in the 1970s, which made long returns wider than the daily ones say. Assets with
    fewer than MIN_LABELS labels get the shape of all assets together, and those a normal distribution's.
    """
    weights = [0.5 ** (age / MEMORY_YEARS) for age in _ages(panels)]
    shares = [_years(panel) / (_years(panel) + SHRINK_YEARS) for panel in panels]
    drift = _drift(panels, shares)
    location = np.array(HORIZONS, dtype=float) * drift[:, None]
    labels = [
        _centred((panel.target - location[at]) / scale, weight)
        for at, (panel, scale, weight) in enumerate(zip(panels, scales, weights, strict=True))
    ]
    everything, every_weight = np.concatenate(labels), np.concatenate(weights)
    out = np.empty((len(panels), len(HORIZONS), len(LEVELS)))
    for column in range(len(HORIZONS)):
        shared = _quantiles(everything[:, column], every_weight)
        if shared is None:
            shared = normal_quantiles()
        for position, (z, weight) in enumerate(zip(labels, weights, strict=True)):
            own = _quantiles(z[:, column], weight)
            part = shares[position] if own is not None else 0.0
            out[position, column] = shared if own is None else part * own + (1 - part) * shared
    return Shape(drift, out)


def _years(panel: Panel) -> float:
    return float(np.isfinite(panel.target[:, 0]).sum() / 252)


def _drift(panels: Sequence[Panel], shares: Sequence[float]) -> FloatArray:
    """Mean 1-session return: each asset's ratio to its own deviation is shrunk towards the median ratio."""
    labels = [panel.target[np.isfinite(panel.target[:, 0]), 0] for panel in panels]
    deviation = np.array([one.std() if len(one) >= MIN_LABELS else np.nan for one in labels])
    usable = np.isfinite(deviation) & (deviation > 0)
    mean = np.array([one.mean() if good else np.nan for one, good in zip(labels, usable, strict=True)])
    own = np.divide(mean, deviation, out=np.zeros(len(panels)), where=usable)
    common = float(np.median(own[usable])) if usable.any() else 0.0
    part = np.array(shares)
    result: FloatArray = np.where(usable, (part * own + (1 - part) * common) * deviation, 0.0)
    return result


def _ages(panels: Sequence[Panel]) -> list[FloatArray]:
    """Years before the newest session of any asset, per asset."""
    newest = max((int(panel.session[-1]) for panel in panels if len(panel.session)), default=0)
    return [(newest - panel.session) / 252 for panel in panels]


def _quantiles(labels: FloatArray, weight: FloatArray) -> FloatArray | None:
    """Weighted quantiles at LEVELS, None with fewer than MIN_LABELS labels."""
    finite = np.isfinite(labels)
    if finite.sum() < MIN_LABELS:
        return None
    order = np.argsort(labels[finite])
    ordered, share = labels[finite][order], weight[finite][order]
    reached = (np.cumsum(share) - share / 2) / share.sum()
    result: FloatArray = np.interp(LEVELS, reached, ordered)
    return result


def _centred(z: FloatArray, weight: FloatArray) -> FloatArray:
    known = np.isfinite(z)
    share = known * weight[:, None]
    mean = (share * np.where(known, z, 0.0)).sum(axis=0) / np.maximum(share.sum(axis=0), 1e-300)
    result: FloatArray = z - mean
    return result


def normal_quantiles() -> FloatArray:
    """Quantiles of a standard normal distribution at LEVELS."""
    from scipy.stats import norm  # half a second, and serving does not need it

    return np.asarray(norm.ppf(LEVELS))
