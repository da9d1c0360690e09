"""The LSTM in the walk forward: trained every two years on what was known, followed until the next training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training import lstm, members
from training.adjustment import move
from training.horizons import FloatArray
from training.lstm_samples import samples
from training.members import LSTM
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
) -> dict[str, FloatArray]:
    """The anchor as the LSTM moved it, and as each of its seeds would have alone; shape of anchor each.

    anchor : shape (O, A, H, L), the mean of the other members at each origin. NaN until the first training for
    which some asset had MIN_ROWS rows.
    """
    out = {name: np.full(anchor.shape, np.nan) for name in (LSTM, *seeds(effort))}
    cuts = list(range(int(origins[0]), int(origins[-1]) + 1, REFIT))
    for number, cut in enumerate(cuts):

        def tell(done: float, text: str, number: int = number) -> None:
            progress((number + done) / len(cuts), f"training {number + 1}/{len(cuts)}, {text}")

        known = [panel.known_at(cut - EMBARGO) for panel in panels]
        known = [panel for panel in known if len(panel.session) >= MIN_ROWS]
        if not known:
            continue
        fitted = list(members.fit(known).values())
        model = lstm.train(samples(known, fitted, effort.stride), effort, SEED, tell)
        networks = {LSTM: model} | {
            name: model.get_layer(f"seed{number}") for number, name in enumerate(seeds(effort))
        }
        for at, panel in enumerate(panels):
            followed = np.flatnonzero((origins >= cut) & (origins < cut + REFIT))
            rows = {int(one): row_at(panel, int(origins[one])) for one in followed}
            there = np.array([one for one, row in rows.items() if row is not None], dtype=np.int64)
            if not len(there):
                continue
            inputs = panel.inputs[np.array([rows[int(one)] for one in there], dtype=np.int64)]
            for name, network in networks.items():
                log_scale = lstm.KerasNetwork(network)(inputs.window, inputs.statics)
                out[name][there, at] = move(anchor[there, at], log_scale)
    return out


def seeds(effort: lstm.Effort) -> list[str]:
    """Names of the single networks; none when there is only one."""
    return [f"{LSTM}_seed{number}" for number in range(effort.seeds)] if effort.seeds > 1 else []
