"""Diebold-Mariano test for few, overlapping forecasts.

Six-month losses taken monthly overlap by five sixths, so the plain test rejects far too often. The variance
is the weighted periodogram estimate of Coroneo and Iacone, whose statistic has a t distribution with as many
degrees of freedom as periodogram ordinates were averaged, twice: wide where the sample says little.

Source: Coroneo and Iacone (2020), "Comparing predictive accuracy in small samples using fixed-smoothing
asymptotics", section 2, with their bandwidth of the cube root of the sample size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from training.horizons import FloatArray

LEAST = 8  # observations below which nothing is said


@dataclass(frozen=True)
class Test:
    """t > 0: the loss difference is positive on average. p_value : two-sided."""

    t: float
    p_value: float
    degrees: int


def diebold_mariano(difference: FloatArray) -> Test:
    """Whether a series of loss differences has mean zero. difference : shape (n,), in order of time.

    NaN entries are left out. Fewer than LEAST observations, or a constant series, give NaN.
    """
    x = difference[np.isfinite(difference)]
    n = len(x)
    if n < LEAST or np.ptp(x) == 0:
        return Test(float("nan"), float("nan"), 0)
    ordinates = max(1, int(n ** (1 / 3)))
    spectrum = np.abs(np.fft.fft(x - x.mean())) ** 2 / n
    long_run_variance = spectrum[1 : ordinates + 1].mean()
    statistic = float(np.sqrt(n) * x.mean() / np.sqrt(long_run_variance))
    degrees = 2 * ordinates
    return Test(statistic, float(2 * student.sf(abs(statistic), degrees)), degrees)
