"""Fitting one model: members, gate, joint template, artefact. No Kafka, no MLflow.

Split by session, purged by target end: LSTM training | validation (early stopping) | gate. The gate never
saw a choice being made, so it can say whether the pool with the LSTM is no worse than without.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from producers.inflation import load_cpi
from producers.sessions import nyse
from training import artefact, climatology, joint, lstm, pool, price_level
from training.adjustment import Adjustment, move
from training.artefact import Arrays, Manifest
from training.dataset import Dataset
from training.horizons import HORIZONS, LEVELS, LONGEST, FloatArray, pinball

VALIDATION = 378  # sessions of early stopping, and of the gate: 1.5 years each
TOLERANCE = 0.02  # non-inferiority margin: power is low with some twelve independent half-years in the gate
SEED = 7

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Fitted:
    """A model ready to be written. `model` is the Keras model, None without LSTM."""

    arrays: Arrays
    report: dict[str, Any]
    members: list[str]
    model: Any
    accepted: bool
    reason: str  # of the gate's decision, in words


def fit_climatology(dataset: Dataset) -> Fitted:
    """The model that needs no training: seconds."""
    one = {"climatology": np.ones(len(HORIZONS))}
    return Fitted(_arrays(dataset, one), {}, ["climatology"], None, True, "always available")


def fit_pool(dataset: Dataset, effort: lstm.Effort, progress: Progress, work: Path) -> Fitted:
    """Train the LSTM and gate the pool with it. `work` is an empty folder for the exported graph."""
    started = time.monotonic()
    end = dataset.last_session
    gate_first = end - LONGEST - VALIDATION
    validation_first = gate_first - LONGEST - VALIDATION
    before = climatology.fit(dataset.panels, validation_first)
    model = lstm.train(
        dataset,
        before,
        (validation_first, gate_first),
        effort,
        SEED,
        lambda done, text: progress(0.9 * done, text),
    )
    progress(0.9, "exporting and gating")
    lstm.export(model, work)
    adjust = Adjustment(work / "model.onnx")
    q = climatology.fit(dataset.panels, gate_first)
    losses, per_asset = _gate_losses(dataset, q, adjust, gate_first, end)
    names = ("climatology", "lstm")
    # Judged with equal weights: weights earned on the gate itself would flatter the pool.
    equal = {name: np.full(len(HORIZONS), 1 / len(names)) for name in names}
    losses["pool"], per_asset_pool = _pool_losses(dataset, q, adjust, equal, gate_first, end)
    finite = all(np.isfinite(value).all() for value in losses.values())
    ratio = float(np.mean(losses["pool"] / losses["climatology"])) if finite else float("nan")
    accepted = finite and ratio <= 1 + TOLERANCE
    side = "above" if ratio > 1 else "below"
    words = (
        f"on {VALIDATION} held-out sessions the pool's pinball loss is {100 * abs(ratio - 1):.2f} % {side} "
        f"climatology's (up to {100 * TOLERANCE:.0f} % above is accepted)"
        if finite
        else "the LSTM gave values that are not finite"
    )
    weights = pool.weights({name: losses[name] for name in names}) if finite else equal
    report = {
        "gate_from": str(nyse().date[gate_first]),
        "gate_to": str(nyse().date[end]),
        "horizons": list(HORIZONS),
        "pinball": {name: value.tolist() for name, value in losses.items()},
        "pool_by_asset": per_asset_pool,
        "climatology_by_asset": per_asset,
        "ratio": ratio,
        "accepted": accepted,
        "gate": words,
        "train_s": time.monotonic() - started,
    }
    return Fitted(_arrays(dataset, weights), report, ["climatology", "lstm"], model, accepted, words)


def _arrays(dataset: Dataset, weights: dict[str, FloatArray]) -> Arrays:
    cpi = load_cpi()
    today = nyse().date[dataset.last_session]
    inflation = price_level.fit(cpi, today)
    return Arrays(
        climatology=climatology.fit(dataset.panels, dataset.last_session),
        inflation=inflation.quantiles,
        template=joint.fit_template(dataset.panels, cpi.known_at(today), dataset.last_session),
        weights=weights,
    )


def _rows(dataset: Dataset, first: int, last: int) -> list[tuple[int, np.ndarray[Any, Any]]]:
    return [
        (position, np.flatnonzero((panel.session >= first) & (panel.session < last)))
        for position, panel in enumerate(dataset.panels)
    ]


def _losses(
    dataset: Dataset, first: int, last: int, quantiles: Callable[[int, np.ndarray[Any, Any]], FloatArray]
) -> tuple[FloatArray, dict[str, list[float]]]:
    """Mean standardised pinball loss per horizon, every asset counting the same; and per asset."""
    table, named = [], {}
    for position, rows in _rows(dataset, first, last):
        panel = dataset.panels[position]
        if not len(rows):
            continue
        ended = panel.session[rows, None] + np.array(HORIZONS) <= last
        y = np.where(ended, panel.target[rows] / panel.sigma[rows], np.nan)
        loss = np.nanmean(pinball(quantiles(position, rows), y), axis=0)
        table.append(loss)
        named[panel.symbol] = loss.tolist()
    return np.mean(table, axis=0), named


def _gate_losses(
    dataset: Dataset, q: FloatArray, adjust: Adjustment, first: int, last: int
) -> tuple[dict[str, FloatArray], dict[str, list[float]]]:
    anchor, named = _losses(
        dataset, first, last, lambda position, rows: np.broadcast_to(q[position], (len(rows), *q.shape[1:]))
    )
    moved, _ = _losses(
        dataset, first, last, lambda position, rows: _moved(dataset, q, adjust, position, rows)
    )
    return {"climatology": anchor, "lstm": moved}, named


def _pool_losses(
    dataset: Dataset, q: FloatArray, adjust: Adjustment, weights: dict[str, FloatArray], first: int, last: int
) -> tuple[FloatArray, dict[str, list[float]]]:
    def quantiles(position: int, rows: np.ndarray[Any, Any]) -> FloatArray:
        plain = np.broadcast_to(q[position], (len(rows), *q.shape[1:]))
        return pool.combine(
            {"climatology": plain, "lstm": _moved(dataset, q, adjust, position, rows)}, weights
        )

    return _losses(dataset, first, last, quantiles)


def _moved(
    dataset: Dataset, q: FloatArray, adjust: Adjustment, position: int, rows: np.ndarray[Any, Any]
) -> FloatArray:
    panel = dataset.panels[position]
    plain = np.broadcast_to(q[position], (len(rows), *q.shape[1:]))
    return move(plain, adjust(panel.window[rows], panel.statics[rows]))


def save(
    models: Path, staged: Path, fitted: Fitted, dataset: Dataset, reason: str, detail: str, created_ms: int
) -> Manifest:
    """Write the artefact into `staged` and publish it under its version. Does not promote it."""
    cpi = price_level.fit(load_cpi(), nyse().date[dataset.last_session])
    version = staged.name.removeprefix(".staged-")
    manifest = artefact.write(
        staged,
        Manifest(
            schema=artefact.SCHEMA,
            version=version,
            created_ms=created_ms,
            reason=reason,
            detail=detail,
            symbols=dataset.symbols,
            as_of_session=str(nyse().date[dataset.last_session]),
            feed=dataset.feed,
            data_hash=dataset.data_hash,
            spec_hash=dataset.spec_hash,
            horizons=list(HORIZONS),
            levels=LEVELS.tolist(),
            members=fitted.members,
            inflation_month=cpi.newest_month,
            inflation_known=cpi.known,
            report=fitted.report,
        ),
        fitted.arrays,
    )
    artefact.publish(models, staged, version)
    return manifest
