"""Joint scenarios: one history of ranks ties the assets, the horizons, the short rate and inflation together.

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
OLD_YEARS = 3.0  # history from which on an asset decides where the common past begins


def fit_template(panels: list[Panel], cpi: Cpi, last_session: int, rate: Panel | None = None) -> FloatArray:
    """Ranks of past joint returns, in (0, 1).

    Uses the start dates whose longest horizon had ended by `last_session` for every asset with OLD_YEARS of
    history. A younger asset gets ranks drawn at random before its own start: two years of bitcoin must not
    make the others forget how they fell together. Returns shape (dates, len(FAN), assets + 2), float32; the
    last columns are the short rate and inflation. With fewer than MIN_DATES dates there is no evidence of dependence: shape
    (0, ...), and the marginals are drawn independently.
    """
    starts = sorted(int(panel.session[0]) for panel in panels)
    old = [start for start in starts if last_session - start >= 252 * OLD_YEARS]
    first = old[-1] if old else starts[0]
    grid = np.arange(first, last_session - LONGEST + 1)
    columns = [HORIZONS.index(horizon) for horizon in FAN]
    if len(grid) < MIN_DATES:
        return np.empty((0, len(FAN), len(panels) + 2), dtype=np.float32)
    parts = []
    for panel in (*panels, rate):
        if panel is None:
            parts.append(np.full((len(grid), len(FAN)), np.nan))
            continue
        at = np.searchsorted(panel.session, grid, side="right") - 1
        values = (panel.target / panel.inputs.sigma)[np.maximum(at, 0)][:, columns]
        parts.append(np.where(at[:, None] >= 0, values, np.nan))
    dates = nyse().date
    start = log_level_at(cpi, dates[grid])
    change = np.stack([log_level_at(cpi, dates[grid + horizon]) - start for horizon in FAN], axis=1)
    everything = np.stack([*parts, change], axis=-1)
    required = [position for position, panel in enumerate(panels) if int(panel.session[0]) <= first]
    usable = np.isfinite(everything[..., required]).all(axis=(1, 2))
    everything = everything[usable]
    if len(everything) < MIN_DATES:
        return np.empty((0, len(FAN), len(panels) + 2), dtype=np.float32)
    # Where a value is unknown (a young asset or the rate before its start, inflation beyond the newest published index)
    # one rank is drawn at random for all horizons of that date, so that the whole distribution is used,
    # without a dependence that nobody has seen.
    drawn = np.random.default_rng(SEED).random((len(everything), 1, everything.shape[2]))
    uniform = np.repeat(drawn, len(FAN), axis=1)
    for row, column in np.ndindex(everything.shape[1:]):
        known = np.isfinite(everything[:, row, column])
        ranks = np.argsort(np.argsort(everything[known, row, column]))
        uniform[known, row, column] = (ranks + 0.5) / max(len(ranks), 1)
    return uniform.astype(np.float32)


def uniforms(template: FloatArray, columns: int, scenarios: int = SCENARIOS) -> FloatArray:
    """Common random numbers, shape (scenarios, len(FAN), columns), in (0, 1).

    In random order, so that any part of them is a sample too. Dates are used equally often, or thinned evenly
    when there are more of them than scenarios. The draws of each column are then ranked once more, so that
    every marginal comes out as it went in.
    """
    rng = np.random.default_rng(SEED)
    shape = (scenarios, len(FAN), columns)
    if len(template) == 0:
        return np.asarray(rng.random(shape))
    dates = rng.permutation(np.arange(scenarios) * len(template) // scenarios)
    jitter = (rng.random((scenarios, 1, columns)) - 0.5) / len(template)
    ranks = np.argsort(np.argsort(template[dates] + jitter, axis=0, kind="stable"), axis=0, kind="stable")
    return np.asarray((ranks + 0.5) / scenarios)


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
