"""Has the distribution of an asset's moves changed? Informs, and never asks for anything. Pure.

Moves in units of the volatility expected before them (`move`) and their size (`size`) in the newest WINDOW
sessions are compared with the years before by PSI, Kolmogorov-Smirnov and Wasserstein distances. Copied
thresholds fire on most clean windows; these are what windows of the same length, drawn in blocks from the
years before, reach themselves. Over all assets, features and distances the false discovery rate is RATE.

Source: Politis and Romano (1994), the stationary bootstrap; Benjamini and Hochberg (1995). The bootstrap is
five lines here, because importing arch for it takes the monitor five seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

WINDOW = 63  # sessions
BLOCK = 21  # mean length of a block
DRAWS = 999
RATE = 0.05
MIN_REFERENCE = 504
DECAY = 0.94
BINS = 10


@dataclass(frozen=True)
class Compared:
    """One asset, feature and distance. threshold : what 95 % of clean windows stay below."""

    asset: int
    name: str  # feature_distance
    value: float
    threshold: float
    alarm: bool


def innovations(returns: FloatArray) -> FloatArray:
    """Moves over the EWMA volatility before them, shape as `returns` (n, assets)."""
    variance = returns[:BLOCK].var(axis=0) + 1e-12
    out = np.empty_like(returns)
    for row, move in enumerate(returns):
        out[row] = move / np.sqrt(variance)
        variance = DECAY * variance + (1 - DECAY) * move**2
    return out


def compare(returns: FloatArray, seed: int) -> list[Compared]:
    """All comparisons of the newest WINDOW rows with those before; none when there are too few.

    returns : shape (n, assets), oldest first; columns with NaN are left out.
    """
    if len(returns) < MIN_REFERENCE + WINDOW:
        return []
    draws = _blocks(len(returns) - WINDOW, np.random.default_rng(seed))
    found = []
    for asset in np.flatnonzero(np.isfinite(returns).all(axis=0)):
        z = innovations(returns[:, asset : asset + 1])[:, 0]
        for feature, series in (("move", z), ("size", np.abs(z))):
            reference, newest = np.sort(series[:-WINDOW]), series[-WINDOW:]
            null = series[:-WINDOW][draws]
            for name, distance in DISTANCES.items():
                value = float(distance(newest[None], reference)[0])
                drawn = distance(null, reference)
                chance = (1 + int((drawn >= value).sum())) / (DRAWS + 1)
                found.append(
                    (int(asset), f"{feature}_{name}", value, float(np.quantile(drawn, 0.95)), chance)
                )
    real = discoveries(np.array([one[-1] for one in found]))
    return [Compared(*one[:-1], bool(alarm)) for one, alarm in zip(found, real, strict=True)]


def discoveries(chance: FloatArray) -> npt.NDArray[np.bool_]:
    """Which p-values are discoveries at a false discovery rate of RATE.

    >>> discoveries(np.array([0.001, 0.04, 0.2, 0.9])).tolist()
    [True, False, False, False]
    """
    order = np.argsort(chance)
    passed = chance[order] <= RATE * np.arange(1, len(chance) + 1) / max(1, len(chance))
    last = int(np.flatnonzero(passed)[-1]) + 1 if passed.any() else 0
    out = np.zeros(len(chance), dtype=bool)
    out[order[:last]] = True
    return out


def _blocks(length: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Rows of DRAWS windows, in blocks of geometric length; shape (DRAWS, WINDOW)."""
    rows = rng.integers(length, size=(DRAWS, WINDOW))
    goes_on = rng.random((DRAWS, WINDOW)) >= 1 / BLOCK
    for column in range(1, WINDOW):
        rows[:, column] = np.where(goes_on[:, column], (rows[:, column - 1] + 1) % length, rows[:, column])
    return rows


def _psi(windows: FloatArray, reference: FloatArray) -> FloatArray:
    edges = np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1])
    at = np.searchsorted(edges, windows)
    share = np.stack([(at == number).mean(axis=1) for number in range(BINS)], axis=1)
    share = np.maximum(share, 1e-4)
    result: FloatArray = ((share - 1 / BINS) * np.log(share * BINS)).sum(axis=1)
    return result


def _ks(windows: FloatArray, reference: FloatArray) -> FloatArray:
    ordered = np.sort(windows, axis=1)
    reached = np.searchsorted(reference, ordered, side="right") / len(reference)
    n = windows.shape[1]
    above = (np.arange(1, n + 1) / n - reached).max(axis=1)
    below = (reached - np.arange(n) / n).max(axis=1)
    result: FloatArray = np.maximum(above, below)
    return result


def _wasserstein(windows: FloatArray, reference: FloatArray) -> FloatArray:
    middle = (np.arange(windows.shape[1]) + 0.5) / windows.shape[1]
    result: FloatArray = np.abs(np.sort(windows, axis=1) - np.quantile(reference, middle)).mean(axis=1)
    return result


DISTANCES: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "psi": _psi,
    "ks": _ks,
    "wasserstein": _wasserstein,
}
