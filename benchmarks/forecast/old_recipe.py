"""The usual recipe, shown beside: an LSTM on min-max-scaled price levels that copies yesterday.

128-64-64 units, 270 sessions in, 90 out, mean squared error, a scaler fitted on the whole training period, no
validation, 8 epochs: what the project grew out of, and what most public projects of its kind do. Trained once
on what was known at the first test origin, on every STRIDE-th window to keep the time in bounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from training.dataset import Dataset
from training.horizons import FloatArray
from training.panel import Panel
from training.walk_forward import Progress, Track, row_at

LOOK_BACK, AHEAD = 270, 90
HORIZON = 63  # 126 sessions are more than it forecasts
EPOCHS, BATCH, STRIDE = 8, 64, 10
SEED = 1


def evaluate(dataset: Dataset, track: Track, progress: Progress) -> dict[str, Any]:
    """Per asset: mean absolute log error of its 63-session point forecast, and that of "no change".

    Assets with fewer than LOOK_BACK + AHEAD sessions before the first origin are left out.
    """
    found: dict[str, Any] = {}
    for number, (name, panel) in enumerate(zip(track.symbols, dataset.panels, strict=True)):
        progress(number / len(track.symbols), f"old recipe: {name}")
        past = panel.known_at(int(track.origins[0]))
        if len(past.price) < LOOK_BACK + AHEAD + STRIDE:
            continue
        errors = _errors(past.price, panel, track)
        found[name] = {
            "origins": len(errors),
            "mean_abs_log_error": float(errors[:, 0].mean()),
            "no_change_mean_abs_log_error": float(errors[:, 1].mean()),
            "ratio_to_no_change": float(errors[:, 0].mean() / errors[:, 1].mean()),
        }
    return {"horizon": HORIZON, "stride": STRIDE, "assets": found}


def _errors(known: FloatArray, panel: Panel, track: Track) -> FloatArray:
    """Absolute log errors of the recipe and of no change, shape (origins, 2)."""
    low, high = known.min(), known.max()
    model = _trained((known - low) / (high - low))
    rows = [row for origin in track.origins if (row := row_at(panel, int(origin))) is not None]
    column = HORIZON - 1
    windows, starts, ends = [], [], []
    for row in rows:
        if row + 1 >= LOOK_BACK and row + HORIZON < len(panel.price):
            windows.append((panel.price[row + 1 - LOOK_BACK : row + 1] - low) / (high - low))
            starts.append(panel.price[row])
            ends.append(panel.price[row + HORIZON])
    scaled = model.predict(np.array(windows)[..., None], batch_size=256, verbose=0)[:, column]
    forecast = np.maximum(scaled.astype(float) * (high - low) + low, low / 10)
    actual, start = np.array(ends), np.array(starts)
    return np.column_stack([np.abs(np.log(forecast / actual)), np.abs(np.log(start / actual))])


def _trained(level: FloatArray) -> Any:
    import keras

    keras.utils.set_random_seed(SEED)
    first = np.arange(0, len(level) - LOOK_BACK - AHEAD + 1, STRIDE)
    x = np.stack([level[at : at + LOOK_BACK] for at in first])[..., None]
    y = np.stack([level[at + LOOK_BACK : at + LOOK_BACK + AHEAD] for at in first])
    model = keras.Sequential(
        [
            keras.Input((LOOK_BACK, 1)),
            keras.layers.LSTM(128, return_sequences=True),
            keras.layers.LSTM(64, return_sequences=True),
            keras.layers.LSTM(64),
            keras.layers.Dense(AHEAD),
        ]
    )
    model.compile(optimizer="adam", loss="mse")
    model.fit(x, y, epochs=EPOCHS, batch_size=BATCH, verbose=0)
    return model
