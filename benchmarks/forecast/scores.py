"""Losses of a walk forward and what they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.forecast.significance import diebold_mariano
from training.horizons import HORIZONS, LEVELS, FloatArray, crps
from training.walk_forward import Track

JUDGED = (63, 126)  # horizons of the goals
UNIT = "random_walk"
BASELINES = {"vs_rw": "random_walk", "vs_garch_fhs": "garch_fhs"}


def losses(track: Track, quantiles: FloatArray) -> FloatArray:
    """CRPS of log returns, shape (O, A, H); NaN where there is no forecast or no outcome."""
    return crps(quantiles, track.outcome)


def panel(loss: FloatArray) -> FloatArray:
    """Mean over the assets present at each origin, shape (O, A) to (O,); NaN where none is."""
    present = np.isfinite(loss)
    total = np.where(present, loss, 0.0).sum(axis=1)
    count = present.sum(axis=1)
    result: FloatArray = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return result


def table(track: Track) -> dict[str, Any]:
    """Per forecaster, judged horizon: skills, t statistics, calibration, and the same per asset."""
    scored = {name: losses(track, q) for name, q in track.quantiles.items()}
    return {name: {str(h): _entry(track, scored, name, HORIZONS.index(h)) for h in JUDGED} for name in scored}


def _entry(track: Track, scored: dict[str, FloatArray], name: str, column: int) -> dict[str, Any]:
    entry = _calibration(track, track.quantiles[name][:, :, column], column)
    entry |= _skills({key: loss[:, :, column] for key, loss in scored.items()}, name)
    entry["assets"] = {}
    for position, symbol in enumerate(track.symbols):
        one = {key: loss[:, position : position + 1, column] for key, loss in scored.items()}
        if np.isfinite(one[name]).any():
            outcome = track.quantiles[name][:, position : position + 1, column]
            entry["assets"][symbol] = _skills(one, name) | _calibration(track, outcome, column, position)
    return entry


def relative(loss: dict[str, FloatArray], name: str, other: str) -> tuple[FloatArray, FloatArray]:
    """Panel losses of two forecasters over the origins and assets that both have, shape (O,) each.

    Losses of an asset are taken relative to the mean loss of the random walk there, so that bitcoin, whose
    losses are five times those of gold, does not count five times as much. loss : name -> shape (O, A).
    """
    both = np.isfinite(loss[name]) & np.isfinite(loss[other])
    known = both.any(axis=0)
    total = np.where(both, loss[UNIT], 0.0).sum(axis=0)
    unit = np.where(known, total / np.maximum(both.sum(axis=0), 1), 1.0)
    return panel(np.where(both, loss[name], np.nan) / unit), panel(np.where(both, loss[other], np.nan) / unit)


def _skills(loss: dict[str, FloatArray], name: str) -> dict[str, Any]:
    """Skill: 1 - loss / baseline's loss."""
    result: dict[str, Any] = {}
    for suffix, baseline in BASELINES.items():
        own, other = relative(loss, name, baseline)
        known = np.isfinite(own)
        found = diebold_mariano(other - own)
        skill = float(1 - own[known].mean() / other[known].mean()) if known.any() else float("nan")
        result |= {f"skill_{suffix}": skill, f"t_{suffix}": found.t, f"p_{suffix}": found.p_value}
        result["origins"] = int(known.sum())
    return result


def _calibration(track: Track, q: FloatArray, column: int, asset: int | None = None) -> dict[str, Any]:
    """Share of outcomes inside the 90 % interval, and below the 5 % quantile. q : shape (O, A, L)."""
    chosen = slice(None) if asset is None else slice(asset, asset + 1)
    y = track.outcome[:, chosen, column]
    known = np.isfinite(y) & np.isfinite(q[..., 0])
    low, high = q[..., LEVELS == 0.05][..., 0], q[..., LEVELS == 0.95][..., 0]
    if not known.any():
        return {"coverage90": float("nan"), "left_tail05": float("nan")}
    return {
        "coverage90": float(np.mean(((y >= low) & (y <= high))[known])),
        "left_tail05": float(np.mean((y < low)[known])),
    }


def contribution(track: Track, name: str, other: str) -> dict[str, Any]:
    """What one forecaster saves over another on the panel, per judged horizon."""
    result: dict[str, Any] = {}
    for h in JUDGED:
        column = HORIZONS.index(h)
        loss = {key: losses(track, track.quantiles[key])[:, :, column] for key in (UNIT, name, other)}
        own, base = relative(loss, name, other)
        found = diebold_mariano(base - own)
        skill = float(1 - np.nanmean(own) / np.nanmean(base)) if np.isfinite(own).any() else float("nan")
        result[str(h)] = {"skill": skill, "t": found.t, "p": found.p_value}
    return result


def spread(track: Track, names: Sequence[str]) -> dict[str, list[float]]:
    """Skill over the random walk of each of these forecasters: judged horizon -> one value per name."""
    each = [contribution(track, name, UNIT) for name in names]
    return {str(h): [one[str(h)]["skill"] for one in each] for h in JUDGED}
