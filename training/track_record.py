"""The members' record over the last decade: what the pool's weights and its recalibration are learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from training import pool, recalibration, walk_forward
from training.horizons import FloatArray, crps
from training.member import Forecaster
from training.members import POOLED
from training.panel import Panel
from training.walk_forward import Progress, Track

YEARS = 8


def of(
    panels: Sequence[Panel], end: int, joined: Mapping[str, tuple[int, Forecaster]], progress: Progress
) -> Track:
    """A walk forward of the pooled members up to session `end`.

    joined : member -> the session from which it was out of sample, and the member as it was fitted then; it
    takes part from that session on and sleeps before.
    """
    first = max(end - 252 * YEARS, min(int(panel.session[0]) for panel in panels))
    origins = walk_forward.origins_between(end - (end - first) // walk_forward.STEP * walk_forward.STEP, end)
    track = walk_forward.frame(panels, origins)
    quantiles = walk_forward.walk(panels, POOLED, origins, progress)
    for name, (since, member) in joined.items():
        quantiles[name] = walk_forward.follow(panels, member, origins, since, end)
    return replace(track, quantiles=quantiles)


def losses(track: Track) -> dict[str, FloatArray]:
    """CRPS over the volatility anchor, comparable over time: member -> shape (O, assets, H)."""
    return {name: crps(q, track.outcome) / track.scale for name, q in track.quantiles.items()}


def pooled(track: Track, now: int | None = None) -> FloatArray:
    """What the pool would have said at each origin with the weights it had then, shape (O, assets, H, L).

    now : only origins up to this session are computed; the others are NaN.
    """
    loss = losses(track)
    out = np.full(next(iter(track.quantiles.values())).shape, np.nan)
    for number, origin in enumerate(track.origins):
        if now is None or origin <= now:
            awake = {name: np.isfinite(q[number]).all(axis=(1, 2)) for name, q in track.quantiles.items()}
            weights = pool.learn(loss, track.origins, int(origin), awake)
            for asset in np.flatnonzero(np.any(list(awake.values()), axis=0)):
                out[number, asset] = pool.combine(
                    {name: q[number, asset][None] for name, q in track.quantiles.items()},
                    {name: weight[asset] for name, weight in weights.weight.items()},
                )[0]
    return out


def transforms(track: Track, quantiles: FloatArray) -> FloatArray:
    """Levels at which outcomes fell, shape (O, assets, H); NaN where unknown."""
    flat = recalibration.transform(quantiles.reshape(-1, quantiles.shape[-1]), track.outcome.reshape(-1))
    return flat.reshape(track.outcome.shape)


def levels(track: Track, now: int) -> FloatArray:
    """The recalibration at session `now`, shape (H, L)."""
    return recalibration.learn(transforms(track, pooled(track, now)), track.origins, now)


def recalibrated(track: Track, quantiles: FloatArray) -> FloatArray:
    """A pool's quantiles, each origin's recalibrated with what had matured by then."""
    found = transforms(track, quantiles)
    out = quantiles.copy()
    for number, origin in enumerate(track.origins):
        moved = recalibration.learn(found, track.origins, int(origin))
        out[number] = recalibration.apply(quantiles[number], moved)
    return out
