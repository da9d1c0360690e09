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
from training.random_walk import RandomWalk

TOLERANCE = 0.02  # by which the pool may be worse than without the LSTM, on average and for each asset
CHAMPION = "champion"
# Against the serving model more is allowed: it was fitted on the very sessions it is judged on here.
BESIDE = {RandomWalk.name: 0.02, CHAMPION: 0.05}
COVERAGE = (
    0.85,
    0.95,
)  # of the 90 % interval over one session; longer ones hold too few independent outcomes


def judge(
    forecasters: Mapping[str, Forecaster],
    panels: Sequence[Panel],
    beside: Mapping[str, Forecaster] | None = None,
) -> dict[str, Any]:
    """The gate's report. panels : the held-out rows only, with the labels that ended within them.

    beside : who else the pool is compared with, by the names in BESIDE.
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
        for name, one in (beside or {}).items():
            quantiles[name] = one.quantiles(position, panel.inputs)
        for name, q in quantiles.items():
            loss = _average(crps(q, panel.target) / panel.inputs.sigma)
            tables.setdefault(name, []).append(loss)
        by_asset[panel.symbol] = (tables["pool"][-1] / tables["pool_without_lstm"][-1]).tolist()
        low, high = (quantiles["pool"][..., level == LEVELS][..., 0] for level in (0.05, 0.95))
        hit = np.where(np.isfinite(panel.target), (panel.target >= low) & (panel.target <= high), np.nan)
        inside.append(_average(hit))
    losses = {name: np.mean(table, axis=0) for name, table in tables.items()}
    ratio = float(np.nanmean(losses["pool"] / losses["pool_without_lstm"])) if losses else float("nan")
    against = {
        name: float(np.nanmean(losses["pool"] / losses[name])) for name in (beside or {}) if name in losses
    }
    coverage = np.mean(inside, axis=0).tolist() if inside else []
    wrong = _wrong(ratio, against, coverage, by_asset)
    sessions = max(len(panel.session) for panel in panels)
    return {
        "horizons": list(HORIZONS),
        "crps": {name: value.tolist() for name, value in losses.items()},
        "ratio_by_asset": by_asset,
        "coverage90": coverage,
        "ratio": ratio,
        "against": against,
        "wrong": wrong,
        "accepted": not wrong,
        "gate": "; ".join([_words(ratio, sessions), *wrong]),
    }


def replay(report: Mapping[str, Any]) -> bool:
    """The decision again, from the figures of a report."""
    return not _wrong(
        float(report["ratio"]),
        report.get("against", {}),
        report["coverage90"],
        report.get("ratio_by_asset", {}),
    )


def _wrong(
    ratio: float,
    against: Mapping[str, float],
    coverage: Sequence[float],
    by_asset: Mapping[str, Sequence[float]],
) -> list[str]:
    """Why a pool is not accepted, one sentence each."""
    found = [] if ratio <= 1 + TOLERANCE else ["refused: worse than without the LSTM"]
    for symbol, ratios in by_asset.items():
        if (mean := float(np.nanmean(ratios))) > 1 + TOLERANCE:
            found.append(f"refused: {symbol} is {100 * (mean - 1):.1f} % worse than without the LSTM")
    for name, value in against.items():
        if np.isfinite(value) and value > 1 + BESIDE[name]:
            found.append(
                f"refused: CRPS {100 * (value - 1):.1f} % above that of the {name.replace('_', ' ')}"
            )
    if coverage and not COVERAGE[0] <= coverage[0] <= COVERAGE[1]:
        found.append(f"refused: the 90 % interval over one session held {coverage[0]:.0%}")
    return found


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
