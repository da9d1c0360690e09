"""The last step: the pool's intervals are widened or narrowed to what they have held, slowly.

For each horizon the pool's matured forecasts say how far from the median outcomes fell, as a level (0 at the
median, 1 at either end). When 96 % fell inside the 90 % interval, that interval is narrowed, and so on. Both
sides move alike: which side the last years fell on is the market's drift, and correcting for it made every
later forecast worse. The levels found are shrunk towards the nominal ones by PRIOR independent labels, so
that a handful of overlapping half-years moves next to nothing.

Source: Kuleshov, Fenner and Ermon (2018), algorithm 1, on central intervals and with shrinkage in place of
their isotonic regression (an empirical distribution is monotone already).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.horizons import HORIZONS, LEVELS, FloatArray

PRIOR = 60.0  # independent labels at which the evidence counts half


def identity() -> FloatArray:
    """Levels that change nothing, shape (H, L)."""
    return np.tile(LEVELS, (len(HORIZONS), 1))


def transform(quantiles: FloatArray, outcome: FloatArray) -> FloatArray:
    """Level at which each outcome fell, in (0, 1); NaN for NaN.

    quantiles : shape (n, L), increasing; outcome : shape (n,). Beyond the outermost quantiles, the middle
    between the outermost level and 0 or 1.
    """
    low, high = LEVELS[0] / 2, (1 + LEVELS[-1]) / 2
    return np.array(
        [
            np.interp(y, q, LEVELS, left=low, right=high) if np.isfinite(y) and np.isfinite(q[0]) else np.nan
            for q, y in zip(quantiles, outcome, strict=True)
        ]
    )


def learn(level: FloatArray, origins: npt.NDArray[np.int64], now: int, prior: float = PRIOR) -> FloatArray:
    """Levels at which the pool is read instead of LEVELS, shape (H, L), from labels that ended by `now`.

    level : shape (O, assets, H), transforms of the pool's own past forecasts, NaN where unknown.
    """
    out = identity()
    step = float(np.median(np.diff(origins))) if len(origins) > 1 else 1.0
    centred = np.abs(2 * LEVELS - 1)
    for column, horizon in enumerate(HORIZONS):
        found = level[origins + horizon <= now, :, column]
        found = np.sort(np.abs(2 * found[np.isfinite(found)] - 1))
        if not len(found):
            continue
        independent = len(found) * min(1.0, step / horizon)
        part = independent / (independent + prior)
        grid = np.linspace(0, 1, 401)
        reached = part * np.searchsorted(found, grid, side="right") / len(found) + (1 - part) * grid
        out[column] = (1 + np.sign(LEVELS - 0.5) * np.interp(centred, reached, grid)) / 2
    return out


def apply(quantiles: FloatArray, levels: FloatArray) -> FloatArray:
    """Quantiles read at other levels. quantiles : shape (n, H, L); levels : shape (H, L).

    Between levels quantiles are taken as linear in the logistic deviate, beyond the outermost as going on so.
    """
    at, wanted = _deviate(LEVELS), _deviate(levels)
    low = np.clip(np.searchsorted(at, wanted, side="right") - 1, 0, len(at) - 2)
    part = (wanted - at[low]) / (at[low + 1] - at[low])
    rows = np.arange(len(levels))[:, None]
    result: FloatArray = (1 - part) * quantiles[:, rows, low] + part * quantiles[:, rows, low + 1]
    return result


def _deviate(level: FloatArray) -> FloatArray:
    """Logistic deviate: nearly proportional to the normal one, and serving does without scipy."""
    inside = np.clip(level, 1e-4, 1 - 1e-4)
    result: FloatArray = np.log(inside / (1 - inside))
    return result
