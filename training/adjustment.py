"""The LSTM's exported graph in ONNX Runtime, without tensorflow, and what its output means."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.horizons import LEVELS, FloatArray

MEDIAN = int(np.searchsorted(LEVELS, 0.5))


class Adjustment:
    """The network of one model directory."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # a forecast is 5 rows; threads would only wait for each other
        self._session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._names = [item.name for item in self._session.get_inputs()]

    def __call__(self, window: FloatArray, statics: FloatArray) -> FloatArray:
        """Log scale per row and horizon, shape (n, len(HORIZONS)).

        window : shape (n, WINDOW_SESSIONS, WINDOW_CHANNELS); statics : shape (n, len(STATICS)).
        """
        given = {"window": window.astype(np.float32), "statics": statics.astype(np.float32)}
        feeds = {name: given["window" if name.startswith("window") else "statics"] for name in self._names}
        return np.asarray(self._session.run(None, feeds)[0], dtype=float)


def move(q: FloatArray, log_scale: FloatArray) -> FloatArray:
    """Quantiles widened or narrowed about their median. q : shape (n, H, L); log_scale : shape (n, H)."""
    median = q[..., MEDIAN : MEDIAN + 1]
    result: FloatArray = median + (q - median) * np.exp(log_scale[..., None])
    return result
