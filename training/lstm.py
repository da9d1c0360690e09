"""Member `lstm`: a small global network that moves the climatology, trained with Keras.

Zero-initialised and bounded: the untrained network is the climatology itself, so it can only earn its way
from there. For each horizon it gives a log scale and a shift, in units of the volatility anchor:

    quantile = sigma * (q * exp(scale) + shift),   |scale| <= MAX_SCALE, |shift| <= MAX_SHIFT

Several seeds are averaged inside one exported graph. Importing this module does not import tensorflow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from feature_repo.features import WINDOW_CHANNELS, WINDOW_SESSIONS
from training.dataset import STATICS, Dataset
from training.horizons import HORIZONS, LEVELS, FloatArray

Float32Array = npt.NDArray[np.float32]

log = logging.getLogger("training")

MAX_SCALE, MAX_SHIFT = 0.5, 0.1
UNITS = 24
BATCH = 512
OUTPUTS = 2 * len(HORIZONS)


@dataclass(frozen=True)
class Effort:
    """How much to train; tests use a tiny one."""

    seeds: int = 3
    max_epochs: int = 12
    patience: int = 2
    stride: int = 2  # sessions between training samples: neighbours share almost all of their label


@dataclass(frozen=True)
class Samples:
    """Training rows of all assets. q : shape (n, H, L), standardised quantiles of the row's asset."""

    window: Float32Array
    statics: Float32Array
    q: Float32Array
    y: Float32Array  # shape (n, H), standardised target, 0 where missing
    weight: Float32Array  # shape (n, H), 0 where missing


def samples(dataset: Dataset, q: FloatArray, start: int, stop: int, stride: int) -> Samples:
    """Rows with session >= start whose targets end at or before session `stop` (purged by target end).

    Each asset gets a weight proportional to the square root of its rows, so that fifty years of one index
    do not drown ten of another.
    """
    parts: list[tuple[FloatArray, ...]] = []
    for position, panel in enumerate(dataset.panels):
        rows = np.flatnonzero((panel.session >= start) & (panel.session < stop))[::stride]
        ended = panel.session[rows, None] + np.array(HORIZONS) <= stop
        y = np.where(ended, panel.target[rows] / panel.sigma[rows], np.nan)
        valid = np.isfinite(y)
        weight = valid / np.sqrt(max(len(rows), 1))
        parts.append(
            (
                panel.window[rows],
                panel.statics[rows],
                np.broadcast_to(q[position], (len(rows), *q.shape[1:])),
                np.where(valid, np.clip(y, -8, 8), 0.0),
                weight,
            )
        )
    window, statics, quantiles, y, weight = (
        np.concatenate(column).astype(np.float32) for column in zip(*parts, strict=True)
    )
    weight *= np.float32(weight.size / max(float(weight.sum()), 1e-9))
    return Samples(window, statics, quantiles, y, weight)


def train(
    dataset: Dataset,
    q: FloatArray,
    validation: tuple[int, int],
    effort: Effort,
    seed: int,
    progress: Callable[[float, str], None],
) -> Any:
    """Train on everything before `validation` (first and last session), early-stopped on it.

    Returns the Keras model that averages the seeds: inputs window and statics, output (n, 2 * H).
    """
    import keras
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    first, last = validation
    fit_rows = samples(dataset, q, 0, first, effort.stride)
    held_out = samples(dataset, q, first, last, 1)
    if len(held_out.y) == 0 or len(fit_rows.y) == 0:
        raise ValueError("too little history to train and validate the LSTM")
    members = []
    for number in range(effort.seeds):
        keras.utils.set_random_seed(seed + number)
        model = _network(keras, f"seed{number}")
        trainer = _trainer(keras, model)
        stopper = keras.callbacks.EarlyStopping(
            monitor="val_loss", patience=effort.patience, restore_best_weights=True, start_from_epoch=0
        )
        before = trainer.evaluate(
            _inputs(held_out), held_out.y, sample_weight=held_out.weight, batch_size=2048, verbose=0
        )

        def on_epoch(epoch: int, logs: dict[str, float], number: int = number) -> None:
            done = (number + (epoch + 1) / effort.max_epochs) / effort.seeds
            progress(
                done,
                f"seed {number + 1}/{effort.seeds}, epoch {epoch + 1}, validation {logs['val_loss']:.5f}",
            )

        history = trainer.fit(
            _inputs(fit_rows),
            fit_rows.y,
            sample_weight=fit_rows.weight,
            validation_data=(_inputs(held_out), held_out.y, held_out.weight),
            epochs=effort.max_epochs,
            batch_size=BATCH,
            callbacks=[stopper, keras.callbacks.LambdaCallback(on_epoch_end=on_epoch)],
            verbose=0,
        )
        best = min(history.history["val_loss"])
        log.info("seed %d: validation loss %.5f (climatology %.5f)", number, best, before)
        if not np.isfinite(best) or best > before:
            _reset(model)  # worse than the anchor it started from: this seed stays the anchor
        members.append(model)
    window, statics = _input_layers(keras)
    outputs = [member([window, statics]) for member in members]
    mean = keras.layers.Average(name="adjustment")(outputs) if len(outputs) > 1 else outputs[0]
    return keras.Model([window, statics], mean, name="allocast_lstm")


def _input_layers(keras: Any) -> tuple[Any, Any]:
    return (
        keras.Input((WINDOW_SESSIONS, WINDOW_CHANNELS), name="window"),
        keras.Input((len(STATICS),), name="statics"),
    )


def _network(keras: Any, name: str) -> Any:
    window, statics = _input_layers(keras)
    ops = keras.ops
    # Standardised returns and their size, squashed: what was known at that session, nothing fitted.
    z = ops.tanh(window[..., :1] / 3.0)
    series = keras.layers.Concatenate()([z, ops.absolute(z), window[..., 1:]])
    hidden = keras.layers.LSTM(UNITS)(series)
    hidden = keras.layers.Concatenate()([hidden, statics])
    hidden = keras.layers.Dense(UNITS, activation="tanh")(hidden)
    raw = keras.layers.Dense(
        OUTPUTS, kernel_initializer="zeros", bias_initializer="zeros", activation="tanh", name="head"
    )(hidden)
    bounds = np.array([MAX_SCALE, MAX_SHIFT] * len(HORIZONS), dtype=np.float32)
    bounded = keras.layers.Rescaling(bounds.tolist())(raw)
    return keras.Model([window, statics], bounded, name=name)


def _trainer(keras: Any, network: Any) -> Any:
    """The network with the climatology quantiles as a third input and the pinball loss."""
    ops = keras.ops
    levels = ops.convert_to_tensor(LEVELS.astype(np.float32))
    window, statics = _input_layers(keras)
    q = keras.Input((len(HORIZONS), len(LEVELS)), name="q")
    pair = keras.layers.Reshape((len(HORIZONS), 2))(network([window, statics]))
    moved = q * ops.exp(pair[..., :1]) + pair[..., 1:]

    def loss(y: Any, quantiles: Any) -> Any:
        error = y[..., None] - quantiles
        return ops.mean(ops.maximum(levels * error, (levels - 1) * error), axis=-1)

    model = keras.Model([window, statics, q], moved)
    model.compile(optimizer=keras.optimizers.Adam(2e-3, clipnorm=1.0), loss=loss, jit_compile=False)
    return model


def _reset(model: Any) -> None:
    head = model.get_layer("head")
    head.set_weights([np.zeros_like(weight) for weight in head.get_weights()])


def _inputs(rows: Samples) -> dict[str, Float32Array]:
    return {"window": rows.window, "statics": rows.statics, "q": rows.q}


def export(model: Any, folder: Path) -> None:
    """Write model.keras and model.onnx into folder."""
    model.save(folder / "model.keras")
    model.predict(  # Keras exports only models that have been called
        {
            "window": np.zeros((1, WINDOW_SESSIONS, WINDOW_CHANNELS), dtype=np.float32),
            "statics": np.zeros((1, len(STATICS)), dtype=np.float32),
        },
        verbose=0,
    )
    model.export(folder / "model.onnx", format="onnx", verbose=False)
