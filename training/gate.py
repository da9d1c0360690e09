"""May the pool with the LSTM replace the one without? Judged on sessions that no fit has seen.

Non-inferiority: a year and a half holds some twelve independent half-years of all assets together, too few to
prove a gain of one percent, enough to keep out what is broken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training import pool
from training.horizons import HORIZONS, LEVELS, FloatArray, crps
from training.member import Forecaster
from training.members import LSTM
from training.panel import Panel

TOLERANCE = 0.02  # by which the pool may be worse, on average and relative to the pool without the LSTM
COVERAGE = (0.85, 0.95)  # reported beside the verdict: where the 90 % interval should be


def judge(forecasters: Mapping[str, Forecaster], panels: Sequence[Panel]) -> dict[str, Any]:
    """The gate's report. panels : the held-out rows only, with the labels that ended within them.

    Judged with equal weights: weights earned on the gate itself would flatter the pool.
    """
    tables: dict[str, list[FloatArray]] = {}
    inside: list[FloatArray] = []
    by_asset: dict[str, list[float]] = {}
    for position, panel in enumerate(panels):
        if not len(panel.session):
            continue
        quantiles = {name: one.quantiles(position, panel.inputs) for name, one in forecasters.items()}
        quantiles = {name: q for name, q in quantiles.items() if np.isfinite(q).all()}
        if LSTM not in quantiles:
            continue
        without = {name: q for name, q in quantiles.items() if name != LSTM}
        quantiles["pool"] = _mean(quantiles)
        quantiles["pool_without_lstm"] = _mean(without)
        for name, q in quantiles.items():
            loss = _average(crps(q, panel.target) / panel.inputs.sigma)
            tables.setdefault(name, []).append(loss)
        by_asset[panel.symbol] = (tables["pool"][-1] / tables["pool_without_lstm"][-1]).tolist()
        low, high = (quantiles["pool"][..., level == LEVELS][..., 0] for level in (0.05, 0.95))
        hit = np.where(np.isfinite(panel.target), (panel.target >= low) & (panel.target <= high), np.nan)
        inside.append(_average(hit))
    losses = {name: np.mean(table, axis=0) for name, table in tables.items()}
    ratio = float(np.nanmean(losses["pool"] / losses["pool_without_lstm"])) if losses else float("nan")
    return {
        "horizons": list(HORIZONS),
        "crps": {name: value.tolist() for name, value in losses.items()},
        "ratio_by_asset": by_asset,
        "coverage90": np.mean(inside, axis=0).tolist() if inside else [],
        "ratio": ratio,
        "accepted": bool(ratio <= 1 + TOLERANCE),
        "gate": _words(ratio, max(len(panel.session) for panel in panels)),
    }


def _words(ratio: float, sessions: int) -> str:
    if not np.isfinite(ratio):
        return "the LSTM gave values that are not finite"
    side = "above" if ratio > 1 else "below"
    return (
        f"on {sessions} held-out sessions the pool's CRPS is {100 * abs(ratio - 1):.2f} % {side} that of the pool "
        f"without the LSTM (up to {100 * TOLERANCE:.0f} % above is accepted)"
    )


def _mean(quantiles: Mapping[str, FloatArray]) -> FloatArray:
    share = np.full(len(HORIZONS), 1 / len(quantiles))
    return pool.combine(quantiles, dict.fromkeys(quantiles, share))


def _average(values: FloatArray) -> FloatArray:
    """Mean over rows per horizon, NaN without any."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=0)
    result: FloatArray = np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)
    return result
