"""Are the joint scenarios right? Energy score against independent ones, profit against a correlated random walk.

The energy score is of returns in units of the volatility anchor. Profits are real simple returns of fixed
allocations; cash earns nothing here, for it is the same on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.forecast import scores
from benchmarks.forecast.significance import diebold_mariano
from producers.inflation import Cpi, load_cpi
from producers.sessions import nyse
from training import joint, price_level
from training.dataset import Dataset
from training.horizons import FAN, HORIZONS, FloatArray
from training.panel import Panel
from training.random_walk import RandomWalk
from training.walk_forward import Track

SCENARIOS = 2_000
ENERGY_SCENARIOS = 500  # the energy score compares every pair
ALLOCATIONS = 12
SEED = 3


@dataclass(frozen=True)
class Moment:
    """Scenarios of one origin and horizon. Columns: the assets with a forecast, then inflation."""

    pooled: FloatArray  # (SCENARIOS, assets + 1) log changes
    walked: FloatArray  # the same of a random walk with constant correlation
    outcome: FloatArray  # (assets + 1,)
    scale: FloatArray  # (assets,)
    present: npt.NDArray[np.intp]  # positions of those assets


def allocations(assets: int) -> FloatArray:
    """Fixed shares, shape (ALLOCATIONS, assets): equal, each asset alone, then random mixtures with cash."""
    mixed = np.random.default_rng(SEED).dirichlet(np.ones(assets + 1), ALLOCATIONS)[:, :assets]
    result: FloatArray = np.concatenate([np.full((1, assets), 1 / assets), np.eye(assets), mixed])
    return result[:ALLOCATIONS]


def evaluate(dataset: Dataset, track: Track) -> dict[str, Any]:
    """Per judged horizon: energy skill over independent marginals, profit skill over the random walk."""
    found: dict[int, list[tuple[float, float, FloatArray, FloatArray]]] = {h: [] for h in scores.JUDGED}
    shares = allocations(len(track.symbols))
    cpi = load_cpi()
    for number in range(len(track.origins)):
        for horizon, moment in _moments(dataset, track, number, cpi):
            found[horizon].append((*_energy(moment), *_profits(moment, shares)))
    return {str(h): _entry(found[h]) for h in scores.JUDGED}


def _entry(rows: list[tuple[float, float, FloatArray, FloatArray]]) -> dict[str, Any]:
    if not rows:
        return {"origins": 0}
    joint_score, independent = (np.array([row[at] for row in rows]) for at in (0, 1))
    ours, theirs = (np.stack([row[at] for row in rows]) for at in (2, 3))
    unit = theirs.mean(axis=0)
    own, other = (ours / unit).mean(axis=1), (theirs / unit).mean(axis=1)
    energy, profit = diebold_mariano(independent - joint_score), diebold_mariano(other - own)
    return {
        "origins": len(rows),
        "energy_skill_vs_independent": float(1 - joint_score.mean() / independent.mean()),
        "energy_t": energy.t,
        "profit_skill_vs_rw": float(1 - own.mean() / other.mean()),
        "profit_t": profit.t,
        "profit_skill_by_allocation": (1 - ours.mean(axis=0) / unit).tolist(),
    }


def _moments(dataset: Dataset, track: Track, number: int, cpi: Cpi) -> Iterator[tuple[int, Moment]]:
    """Scenarios at one origin, for each judged horizon that has an outcome for every asset with a forecast."""
    origin = int(track.origins[number])
    q = track.quantiles["pool"][number]
    present = np.flatnonzero(np.isfinite(q).all(axis=(1, 2)))
    if not len(present):
        return
    known = [dataset.panels[at].known_at(origin) for at in present]
    today = nyse().date[origin]
    template = joint.fit_template(known, cpi.known_at(today), origin)
    uniform = joint.uniforms(template, len(present) + 2, SCENARIOS)
    columns = [HORIZONS.index(h) for h in FAN]
    inflation = price_level.fit(cpi, today).quantiles
    without_rate = uniform[..., [*range(len(present)), -1]]
    drawn = joint.returns(np.concatenate([q[present][:, columns], inflation[None]]), without_rate)
    mean, covariance = _random_walk(known)
    rng = np.random.default_rng(SEED)
    for horizon in scores.JUDGED:
        column = HORIZONS.index(horizon)
        outcome = track.outcome[number, present, column]
        # The newest months of inflation are not known yet; the random walk and we then miss it alike.
        change = np.diff(price_level.log_level_at(cpi, nyse().date[[origin, origin + horizon]]))
        if not np.isfinite(outcome).all():
            continue
        at = FAN.index(horizon)
        walked = rng.multivariate_normal(mean * horizon, covariance * horizon, SCENARIOS)
        expected = np.full((SCENARIOS, 1), np.median(drawn[:, at, -1]))
        yield (
            horizon,
            Moment(
                drawn[:, at],
                np.hstack([walked, expected]),
                np.append(outcome, np.nan_to_num(change)),
                track.scale[number, present, column],
                present,
            ),
        )


def _random_walk(known: Sequence[Panel]) -> tuple[FloatArray, FloatArray]:
    """Mean and covariance of session returns: each asset's own past, correlated as on their common sessions."""
    sessions = known[0].session
    for panel in known[1:]:
        sessions = np.intersect1d(sessions, panel.session)
    prices = [panel.price[np.searchsorted(panel.session, sessions)] for panel in known]
    returns = np.diff(np.log(np.column_stack(prices)), axis=0)
    walk = RandomWalk.fit(known)
    correlation = np.atleast_2d(np.corrcoef(returns.T))
    return walk.mean, correlation * np.outer(walk.deviation, walk.deviation)


def _energy(moment: Moment) -> tuple[float, float]:
    """Energy score of the joint scenarios, and of the same marginals drawn independently."""
    import scoringrules

    together = moment.pooled[:ENERGY_SCENARIOS, :-1] / moment.scale
    rng = np.random.default_rng(SEED)
    apart = np.column_stack([rng.permutation(column) for column in together.T])
    outcome = moment.outcome[:-1] / moment.scale
    one, other = (scoringrules.es_ensemble(outcome, x, backend="numpy") for x in (together, apart))
    return float(one), float(other)


def _profits(moment: Moment, shares: FloatArray) -> tuple[FloatArray, FloatArray]:
    """CRPS of the real profit of each allocation, ours and the random walk's, shape (ALLOCATIONS,) each."""
    import scoringrules

    part = shares[:, moment.present]
    total = part.sum(axis=1, keepdims=True)
    part = np.where(total > 0, part / np.maximum(total, 1e-12) * shares.sum(axis=1, keepdims=True), 0.0)

    def profit(log_change: FloatArray) -> FloatArray:
        growth = 1 + np.expm1(log_change[..., :-1]) @ part.T
        result: FloatArray = growth / np.exp(log_change[..., -1:]) - 1
        return result

    outcome = profit(moment.outcome[None])[0]
    ours, theirs = (
        scoringrules.crps_ensemble(outcome, profit(x).T, backend="numpy")
        for x in (moment.pooled, moment.walked)
    )
    return np.asarray(ours), np.asarray(theirs)
