"""Fitting one model: members, LSTM, gate, weights, recalibration, joint template. No Kafka, no MLflow.

The LSTM is trained twice: once on what was known before the gate's sessions, to be judged on them, and once,
when it has passed, on everything. The members' weights come from a walk forward over the last decade, in
which the LSTM takes part only where it was out of sample: in the gate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from producers.inflation import load_cpi
from producers.sessions import nyse
from training import artefact, gate, joint, lstm, members, past, pool, price_level, short_rate, track_record
from training.adjusted import Adjusted
from training.artefact import Arrays, Manifest
from training.dataset import Dataset
from training.earned import earned
from training.horizons import HORIZONS, LEVELS, LONGEST
from training.lstm_samples import samples
from training.member import Forecaster, Member
from training.members import LSTM
from training.pool import Weights
from training.random_walk import RandomWalk
from training.recalibration import identity
from training.walk_forward import EMBARGO

GATE = 378  # sessions: 1.5 years
MIN_TRAINING = 252  # labels of the longest horizon that the LSTM needs before the gate
SEED = 7

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Fitted:
    """A model ready to be written. `model` is the Keras model, None without LSTM."""

    arrays: Arrays
    weights: Weights
    report: dict[str, Any]
    model: Any
    accepted: bool
    reason: str  # of the gate's decision, in words


def fit_first(dataset: Dataset) -> Fitted:
    """The members that can be had at once, with equal weights: a fraction of a second."""
    fitted = members.fit(dataset.panels, only_at_once=True)
    weights = pool.equal(members.usable(fitted, dataset.panels))
    arrays = _arrays(dataset, fitted, weights, identity())
    return Fitted(arrays, weights, {}, None, True, "always available")


def fit_without_lstm(dataset: Dataset) -> Fitted:
    """The members that need no training but some seconds: what is served in a storm of alarms."""
    fitted = members.fit(dataset.panels)
    weights = pool.equal(members.usable(fitted, dataset.panels))
    return Fitted(
        _arrays(dataset, fitted, weights, identity()), weights, {}, None, True, "served without the LSTM"
    )


def fit_pool(
    dataset: Dataset,
    effort: lstm.Effort,
    progress: Progress,
    work: Path,
    champion: Forecaster | None = None,
) -> Fitted:
    """Train and gate the LSTM. `work` is an empty folder for the exported graph.

    champion : the serving model, by position in `dataset.panels`; the gate compares with it.
    Raises ValueError when there is too little history for a gate.
    """
    started = time.monotonic()
    end = dataset.last_session
    cut = end - LONGEST - GATE
    judged, report = _gated(dataset, effort, cut, champion, lambda done, text: progress(0.35 * done, text))
    report |= {
        "gate_from": str(nyse().date[cut]),
        "gate_to": str(nyse().date[end]),
        "train_s": time.monotonic() - started,
    }
    if not report["accepted"]:
        before = {name: one for name, one in judged.items() if isinstance(one, Member)}
        weights = pool.equal(members.usable(before, dataset.panels))
        arrays = _arrays(dataset, before, weights, identity())
        return Fitted(arrays, weights, report, None, False, report["gate"])
    progress(0.35, "scoring the members' past")
    record = track_record.of(
        dataset.panels, end, {LSTM: (cut, judged[LSTM])}, lambda done, text: progress(0.35 + 0.2 * done, text)
    )
    fitted = members.fit(dataset.panels)
    rows = samples(dataset.panels, list(fitted.values()), effort.stride)
    model = lstm.train(rows, effort, SEED, lambda done, text: progress(0.55 + 0.4 * done, text))
    progress(0.95, "exporting")
    lstm.export(model, work)
    served: dict[str, Forecaster] = {
        **fitted,
        LSTM: Adjusted(list(fitted.values()), lstm.KerasNetwork(model)),
    }
    weights = pool.learn(
        track_record.losses(record), record.origins, end, members.usable(served, dataset.panels)
    )
    levels = track_record.levels(record, end)
    report["train_s"] = time.monotonic() - started
    return Fitted(_arrays(dataset, fitted, weights, levels), weights, report, model, True, report["gate"])


def _gated(
    dataset: Dataset, effort: lstm.Effort, cut: int, champion: Forecaster | None, progress: Progress
) -> tuple[dict[str, Forecaster], dict[str, Any]]:
    """Everything fitted on what was known EMBARGO before `cut`, and the gate's verdict on what came after."""
    before = [panel.known_at(cut - EMBARGO) for panel in dataset.panels]
    if not any(np.isfinite(panel.target[:, -1]).sum() >= MIN_TRAINING for panel in before):
        raise ValueError("too little history to train the LSTM and to hold sessions back for its gate")
    fitted = members.fit(before)
    model = lstm.train(samples(before, list(fitted.values()), effort.stride), effort, SEED, progress)
    judged: dict[str, Forecaster] = {
        **fitted,
        LSTM: Adjusted(list(fitted.values()), lstm.KerasNetwork(model)),
    }
    beside: dict[str, Forecaster] = {RandomWalk.name: RandomWalk.fit(before)}
    if champion is not None:
        beside[gate.CHAMPION] = champion
    held_out = [panel.between(cut, dataset.last_session) for panel in dataset.panels]
    return judged, gate.judge(judged, held_out, beside)


def _arrays(
    dataset: Dataset, fitted: dict[str, Member], weights: Weights, levels: np.ndarray[Any, Any]
) -> Arrays:
    cpi = load_cpi()
    today = nyse().date[dataset.last_session]
    return Arrays(
        members={name: member.arrays() for name, member in fitted.items()},
        weights=weights.weight,
        levels=levels,
        inflation=price_level.fit(cpi, today).quantiles,
        rate=short_rate.fit(dataset.rate),
        template=joint.fit_template(dataset.panels, cpi.known_at(today), dataset.last_session, dataset.rate),
    )


def save(
    models: Path,
    staged: Path,
    fitted: Fitted,
    dataset: Dataset,
    reason: str,
    detail: str,
    created_ms: int,
    origin: Mapping[str, Any] | None = None,
) -> Manifest:
    """Write the artefact into `staged` and publish it under its version. Does not promote it.

    origin : the manifest's fields on where the model comes from: request, replaces, parameters, git_revision.
    """
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
            rate=dataset.rate.symbol if dataset.rate is not None else None,
            as_of_session=str(nyse().date[dataset.last_session]),
            feed=dataset.feed,
            data_hash=dataset.data_hash,
            spec_hash=dataset.spec_hash,
            horizons=list(HORIZONS),
            levels=LEVELS.tolist(),
            members=list(fitted.weights.weight),
            inflation_month=cpi.newest_month,
            inflation_known=cpi.known,
            earned=earned(fitted.weights, dataset.symbols),
            report=fitted.report,
            past=past.summary(dataset.panels),
            **(origin or {}),
        ),
        fitted.arrays,
    )
    artefact.publish(models, staged, version)
    return manifest
