"""Joint scenarios: one history of ranks ties the assets, the horizons and inflation together.

The marginals come from the pool. What moved together is taken from the past: each scenario draws one start
date, for all assets and all horizons at once, and uses the ranks that the returns from that date had among
all dates (a Schaake shuffle: Clark et al. 2004). So a scenario is a coherent path, assets crash together as
they did, and every allocation is judged on the same scenarios.
"""

from __future__ import annotations

import numpy as np

from producers.inflation import Cpi
from producers.sessions import nyse
from training.horizons import FAN, HORIZONS, LEVELS, LONGEST, FloatArray
from training.panel import Panel
from training.price_level import log_level_at

SCENARIOS = 10_000
SEED = 20_240_501  # the same uniforms for every allocation and every model
MIN_DATES = 252


def fit_template(panels: list[Panel], cpi: Cpi, last_session: int) -> FloatArray:
    """Ranks of past joint returns, in (0, 1).

    Uses the start dates whose longest horizon had ended by `last_session` for every asset. Returns shape
    (dates, len(FAN), assets + 1), float32; the last column is inflation. With fewer than MIN_DATES common
    dates there is no evidence of dependence: shape (0, ...), and the marginals are drawn independently.
    """
    first = max(int(panel.session[0]) for panel in panels)
    grid = np.arange(first, last_session - LONGEST + 1)
    columns = [HORIZONS.index(horizon) for horizon in FAN]
    if len(grid) < MIN_DATES:
        return np.empty((0, len(FAN), len(panels) + 1), dtype=np.float32)
    parts = []
    for panel in panels:
        at = np.searchsorted(panel.session, grid, side="right") - 1
        parts.append((panel.target / panel.inputs.sigma)[at][:, columns])
    dates = nyse().date
    start = log_level_at(cpi, dates[grid])
    change = np.stack([log_level_at(cpi, dates[grid + horizon]) - start for horizon in FAN], axis=1)
    everything = np.stack([*parts, change], axis=-1)
    usable = np.isfinite(everything[..., :-1]).all(axis=(1, 2))
    everything = everything[usable]
    if len(everything) < MIN_DATES:
        return np.empty((0, len(FAN), len(panels) + 1), dtype=np.float32)
    # Beyond the newest published index inflation is unknown: those dates get ranks drawn at random, so that
    # its whole distribution is used, without a dependence that nobody has seen.
    uniform = np.random.default_rng(SEED).random(everything.shape)
    for row, column in np.ndindex(everything.shape[1:]):
        known = np.isfinite(everything[:, row, column])
        ranks = np.argsort(np.argsort(everything[known, row, column]))
        uniform[known, row, column] = (ranks + 0.5) / max(len(ranks), 1)
    return uniform.astype(np.float32)


def uniforms(template: FloatArray, assets: int, scenarios: int = SCENARIOS) -> FloatArray:
    """Common random numbers, shape (scenarios, len(FAN), assets + 1), in (0, 1).

    Every date is used equally often; a draw is smoothed within its rank, so that quantiles between ranks
    are reached too.
    """
    rng = np.random.default_rng(SEED)
    shape = (scenarios, len(FAN), assets + 1)
    if len(template) == 0:
        return np.asarray(rng.random(shape))
    dates = rng.permutation(np.arange(scenarios) % len(template))
    jitter = (rng.random((scenarios, 1, assets + 1)) - 0.5) / len(template)
    result: FloatArray = np.clip(template[dates].astype(float) + jitter, 1e-6, 1 - 1e-6)
    return result


def returns(quantiles: FloatArray, uniform: FloatArray) -> FloatArray:
    """Log returns of every scenario.

    quantiles : shape (columns, len(FAN), len(LEVELS)); uniform : shape (scenarios, len(FAN), columns).
    Beyond the outermost levels the outermost quantile is used. Returns the shape of uniform.
    """
    out = np.empty_like(uniform)
    for column in range(quantiles.shape[0]):
        for row in range(quantiles.shape[1]):
            out[:, row, column] = np.interp(uniform[:, row, column], LEVELS, quantiles[column, row])
    return out
