"""What the LSTM is trained on: moments, the anchor's quantiles there, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training import members
from training.horizons import FloatArray
from training.member import Forecaster
from training.panel import Panel

Float32Array = npt.NDArray[np.float32]

MEMORY_YEARS = 8.0  # age at which a row counts half: what held in the 1970s misleads (see shape.py)
LIMIT = 8.0  # standardised outcomes are clipped: one crash must not be all that is learned


@dataclass(frozen=True)
class Samples:
    """Rows of all assets, oldest first within each.

    window : (n, WINDOW_SESSIONS, WINDOW_CHANNELS).   statics : (n, len(STATICS)).   session : (n,).
    q      : (n, H, L), the anchor's quantiles over the volatility anchor.
    y      : (n, H), outcome over the same, 0 where missing.   weight : (n, H), 0 where missing, mean 1.
    """

    window: Float32Array
    statics: Float32Array
    q: Float32Array
    y: Float32Array
    weight: Float32Array
    session: npt.NDArray[np.int64]

    def part(self, rows: npt.NDArray[np.int64]) -> Samples:
        """The chosen rows."""
        return Samples(*(column[rows] for column in vars(self).values()))


def samples(panels: Sequence[Panel], anchor: Sequence[Forecaster], stride: int) -> Samples:
    """Every stride-th row of panels as they were known at one session, the newest included.

    Labels are as Panel.known_at purged them. Each asset counts by the square root of its rows, so that fifty
    years of one index do not drown ten of another, and old rows count less.
    """
    newest = max(int(panel.session[-1]) for panel in panels if len(panel.session))
    parts: list[tuple[FloatArray, ...]] = []
    for position, panel in enumerate(panels):
        rows = np.arange(len(panel.session) - 1, -1, -stride)[::-1]
        inputs = panel.inputs[rows]
        q = members.average(anchor, position, inputs) / inputs.sigma[..., None]
        y = panel.target[rows] / inputs.sigma
        age_weight = 0.5 ** ((newest - panel.session[rows]) / 252 / MEMORY_YEARS)
        known = np.isfinite(y) & np.isfinite(q).all(axis=-1)
        parts.append(
            (
                inputs.window,
                inputs.statics,
                np.where(known[..., None], q, 0.0),
                np.where(known, np.clip(y, -LIMIT, LIMIT), 0.0),
                known * (age_weight / np.sqrt(max(len(rows), 1)))[:, None],
                panel.session[rows].astype(float),
            )
        )
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    window, statics, q32, y32, weight = (column.astype(np.float32) for column in columns[:5])
    weight *= np.float32(weight.size / max(float(weight.sum()), 1e-9))
    return Samples(window, statics, q32, y32, weight, columns[5].astype(np.int64))
