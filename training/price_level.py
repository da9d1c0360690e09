"""Inflation over each horizon, from consumer prices as they were known.

Expected yearly inflation is half the last twelve months' and half the last ten years'; the spread is that of
the same rule's own errors in the past.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from producers.inflation import Cpi
from training.horizons import FAN, LEVELS, FloatArray

MONTH_SESSIONS = 21
LAG_MONTHS = 2  # from the newest published month to today
ERROR_YEARS = 40
OLD_DAYS = 75  # a release older than this is missing the next one


@dataclass(frozen=True)
class Inflation:
    """quantiles : shape (len(FAN), len(LEVELS)), log change of the price level from now to each horizon."""

    quantiles: FloatArray
    newest_month: str  # yyyy-mm
    known: str  # yyyy-mm-dd, when it was published


def fit(cpi: Cpi, today: np.datetime64) -> Inflation:
    """Quantiles of inflation from what was published by `today`."""
    known = cpi.known_at(today)
    log_level = np.log(known.level)
    newest = len(log_level) - 1
    rate = _expected(log_level, newest)
    quantiles = np.empty((len(FAN), len(LEVELS)))
    for row, horizon in enumerate(FAN):
        months = horizon // MONTH_SESSIONS
        last = newest - LAG_MONTHS - months
        origins = range(max(120, last - 12 * ERROR_YEARS), last + 1)
        errors = [
            log_level[at + LAG_MONTHS + months]
            - log_level[at + LAG_MONTHS]
            - _expected(log_level, at) * months / 12
            for at in origins
        ]
        quantiles[row] = np.quantile(errors, LEVELS) + rate * months / 12
    return Inflation(quantiles, str(known.month[newest]), str(known.known[newest]))


def _expected(log_level: FloatArray, at: int) -> float:
    return float(
        0.5 * (log_level[at] - log_level[at - 12]) + 0.5 * (log_level[at] - log_level[at - 120]) / 10
    )


def log_level_at(cpi: Cpi, days: npt.NDArray[np.datetime64]) -> FloatArray:
    """Log price level on each day, interpolated between month ends; NaN outside the data."""
    ends = (cpi.month + 1).astype("datetime64[D]").astype(float)
    result: FloatArray = np.interp(
        days.astype("datetime64[D]").astype(float), ends, np.log(cpi.level), left=np.nan, right=np.nan
    )
    return result
