"""The LSTM's exported graph in ONNX Runtime, without tensorflow, and what its output means."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.horizons import HORIZONS, LEVELS, FloatArray

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
        """Log scale and shift per row and horizon, shape (n, len(HORIZONS), 2).

        window : shape (n, WINDOW_SESSIONS, WINDOW_CHANNELS); statics : shape (n, len(STATICS)).
        """
        given = {"window": window.astype(np.float32), "statics": statics.astype(np.float32)}
        feeds = {name: given["window" if name.startswith("window") else "statics"] for name in self._names}
        out: FloatArray = self._session.run(None, feeds)[0].astype(float)
        return out.reshape(len(window), len(HORIZONS), 2)


def move(q: FloatArray, adjustment: FloatArray, sigma: FloatArray) -> FloatArray:
    """Quantiles widened about their median, then shifted by a part of the volatility anchor.

    q : shape (n, H, L); adjustment : shape (n, H, 2), log scale and shift; sigma : shape (n, H).
    """
    median = q[..., MEDIAN : MEDIAN + 1]
    shift = adjustment[..., 1:] * sigma[..., None]
    result: FloatArray = median + (q - median) * np.exp(adjustment[..., :1]) + shift
    return result
