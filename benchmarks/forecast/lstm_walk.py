"""The LSTM in the walk forward: trained every two years on what was known, followed until the next training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training import lstm, members
from training.adjustment import move
from training.horizons import FloatArray
from training.lstm_samples import samples
from training.panel import Panel
from training.walk_forward import EMBARGO, Progress, row_at

REFIT = 504  # sessions between trainings
SEED = 7
MIN_ROWS = 600  # an asset younger than this is not trained on, though it is forecast


def walk(
    panels: Sequence[Panel],
    anchor: FloatArray,
    origins: npt.NDArray[np.int64],
    effort: lstm.Effort,
    progress: Progress,
) -> FloatArray:
    """The anchor as the LSTM moved it, shape of anchor.

    anchor : shape (O, A, H, L), the mean of the other members at each origin.
    """
    out = np.full(anchor.shape, np.nan)
    cuts = list(range(int(origins[0]), int(origins[-1]) + 1, REFIT))
    for number, cut in enumerate(cuts):

        def tell(done: float, text: str, number: int = number) -> None:
            progress((number + done) / len(cuts), f"training {number + 1}/{len(cuts)}, {text}")

        network = _trained(panels, cut, effort, tell)
        for at, panel in enumerate(panels):
            for one in np.flatnonzero((origins >= cut) & (origins < cut + REFIT)):
                row = row_at(panel, int(origins[one]))
                if row is not None:
                    inputs = panel.inputs[row : row + 1]
                    log_scale = network(inputs.window, inputs.statics)
                    out[one, at] = move(anchor[one, at][None], log_scale)[0]
    return out


def _trained(panels: Sequence[Panel], cut: int, effort: lstm.Effort, progress: Progress) -> lstm.KerasNetwork:
    known = [panel.known_at(cut - EMBARGO) for panel in panels]
    known = [panel for panel in known if len(panel.session) >= MIN_ROWS]
    fitted = list(members.fit(known).values())
    return lstm.KerasNetwork(lstm.train(samples(known, fitted, effort.stride), effort, SEED, progress))
