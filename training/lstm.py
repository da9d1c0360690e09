"""Member `lstm`: a small global network that moves the mean of the other members, trained with Keras.

Zero-initialised and bounded: the untrained network is its anchor, so it can only earn its way from there. For
each horizon it gives a log scale:

    quantile = median + (anchor - median) * exp(scale),   |scale| <= MAX_SCALE

It moves neither location nor skewness: both were tried on the data before 2008 and made forecasts worse, as
did more epochs and more units. Several seeds are averaged inside one exported graph. Importing this module
does not import tensorflow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feature_repo.features import WINDOW_CHANNELS, WINDOW_SESSIONS
from training.adjustment import MEDIAN
from training.horizons import HORIZONS, LEVELS, SHARES
from training.inputs import STATICS
from training.lstm_samples import Float32Array, Samples

log = logging.getLogger("training")

MAX_SCALE = 0.25
UNITS = 16
DROPOUT = 0.3
BATCH = 512
LEARNING_RATE = 2e-3


@dataclass(frozen=True)
class Effort:
    """How much to train; tests use a tiny one."""

    seeds: int = 5
    epochs: int = 6
    stride: int = 5  # sessions between training samples: neighbours share almost all of their label


def train(samples: Samples, effort: Effort, seed: int, progress: Callable[[float, str], None]) -> Any:
    """Train on all samples for a fixed number of epochs with a learning rate that falls to zero.

    No early stopping: one year and a half of held-out half-years is noise, and stopping on it chose seeds by
    luck. Returns the Keras model that averages the seeds: inputs window and statics, output (n, H).
    The result depends on the samples, the effort and the seed alone.
    """
    import keras
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    template = _network(keras, "network")
    trainer = _trainer(keras, template)  # one graph for all seeds: tracing it takes longer than an epoch
    members, finite = [], False
    for number in range(effort.seeds):
        keras.utils.set_random_seed(seed + number)
        template.set_weights(_network(keras, f"start{number}").get_weights())
        for variable in trainer.optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        trainer.optimizer.learning_rate.assign(LEARNING_RATE)

        def on_epoch(epoch: int, logs: dict[str, float], number: int = number) -> None:
            done = (number + (epoch + 1) / effort.epochs) / effort.seeds
            progress(
                done, f"seed {number + 1}/{effort.seeds}, epoch {epoch + 1}, training loss {logs['loss']:.5f}"
            )

        trainer.fit(
            _inputs(samples),
            samples.y,
            sample_weight=samples.weight,
            epochs=effort.epochs,
            batch_size=BATCH,
            callbacks=[
                keras.callbacks.LearningRateScheduler(lambda epoch: _rate(epoch / effort.epochs)),
                keras.callbacks.LambdaCallback(on_epoch_end=on_epoch),
            ],
            verbose=0,
        )
        member = _network(keras, f"seed{number}")
        if all(np.isfinite(weight).all() for weight in template.get_weights()):
            member.set_weights(template.get_weights())
            finite = True
        else:
            log.warning("seed %d did not stay finite; it stays the anchor", number)
        members.append(member)
    if not finite:
        raise ValueError("the training of the LSTM did not stay finite with any seed; the champion stays")
    window, statics = _input_layers(keras)
    outputs = [member([window, statics]) for member in members]
    mean = keras.layers.Average(name="adjustment")(outputs) if len(outputs) > 1 else outputs[0]
    return keras.Model([window, statics], mean, name="allocast_lstm")


def _rate(done: float) -> float:
    """Learning rate after a share of the epochs: a half cosine, down to almost nothing."""
    return float(LEARNING_RATE * (1 + np.cos(np.pi * done)) / 2)


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
    hidden = keras.layers.Dropout(DROPOUT)(keras.layers.LSTM(UNITS)(series))
    hidden = keras.layers.Concatenate()([hidden, statics])
    hidden = keras.layers.Dropout(DROPOUT)(keras.layers.Dense(UNITS, activation="tanh")(hidden))
    head = keras.layers.Dense(
        len(HORIZONS), kernel_initializer="zeros", bias_initializer="zeros", activation="tanh", name="head"
    )
    bounded = keras.layers.Rescaling(MAX_SCALE)(head(hidden))
    return keras.Model([window, statics], bounded, name=name)


def _trainer(keras: Any, network: Any) -> Any:
    """The network with the anchor's quantiles as a third input and the CRPS as loss."""
    ops = keras.ops
    levels = ops.convert_to_tensor(LEVELS.astype(np.float32))
    shares = ops.convert_to_tensor(2 * SHARES.astype(np.float32))
    window, statics = _input_layers(keras)
    q = keras.Input((len(HORIZONS), len(LEVELS)), name="q")
    median = q[..., MEDIAN : MEDIAN + 1]
    moved = median + (q - median) * ops.exp(network([window, statics]))[..., None]

    def loss(y: Any, quantiles: Any) -> Any:
        error = y[..., None] - quantiles
        return ops.sum(ops.maximum(levels * error, (levels - 1) * error) * shares, axis=-1)

    model = keras.Model([window, statics, q], moved)
    optimizer = keras.optimizers.Adam(LEARNING_RATE, clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    return model


def _inputs(samples: Samples) -> dict[str, Float32Array]:
    return {"window": samples.window, "statics": samples.statics, "q": samples.q}


class KerasNetwork:
    """A trained model before its export, with the signature of Adjustment."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(self, window: Any, statics: Any) -> Any:
        out = self._model.predict(
            {"window": window.astype(np.float32), "statics": statics.astype(np.float32)},
            batch_size=4096,
            verbose=0,
        )
        return np.asarray(out, dtype=float)


def export(model: Any, folder: Path) -> None:
    """Write model.keras and model.onnx into folder."""
    model.save(folder / "model.keras")
    KerasNetwork(model)(  # Keras exports only models that have been called
        np.zeros((1, WINDOW_SESSIONS, WINDOW_CHANNELS)), np.zeros((1, len(STATICS)))
    )
    model.export(folder / "model.onnx", format="onnx", verbose=False)
