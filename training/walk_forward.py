"""Forecasts as they would have been made: at each origin, members fitted on what was known then.

Every panel is cut to what was known (`Panel.known_at`) before a member sees it. Members that learn from
labels get an embargo on top: labels that ended just before the origin are almost those being forecast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.horizons import HORIZONS, LEVELS, FloatArray
from training.member import Forecaster, Member
from training.panel import Panel

STEP = 21  # sessions between origins
EMBARGO = 126  # sessions between the last label a member has seen and an origin
STALE = 5  # sessions an asset's newest row may lie before an origin
MIN_ROWS = 252

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Track:
    """Out-of-sample forecasts.

    origins   : shape (O,), session index.       outcome : shape (O, A, H), log return; NaN where unknown.
    scale     : shape (O, A, H), the volatility anchor, to compare losses of unlike assets.
    quantiles : member -> shape (O, A, H, L), of log returns; NaN where the member had no forecast.
    """

    symbols: list[str]
    origins: npt.NDArray[np.int64]
    outcome: FloatArray
    scale: FloatArray
    quantiles: dict[str, FloatArray]


def origins_between(first: int, last: int) -> npt.NDArray[np.int64]:
    """Sessions `first`, `first` + STEP, ... up to and including `last`."""
    return np.arange(first, last + 1, STEP, dtype=np.int64)


def row_at(panel: Panel, origin: int) -> int | None:
    """The row that is current at an origin; None when the asset is too young or its quotes have ended."""
    row = int(np.searchsorted(panel.session, origin, side="right")) - 1
    if row + 1 < MIN_ROWS or origin - panel.session[row] > STALE:
        return None
    return row


def frame(panels: Sequence[Panel], origins: npt.NDArray[np.int64]) -> Track:
    """Outcomes and scales of a walk forward that no member has made yet."""
    shape = (len(origins), len(panels), len(HORIZONS))
    outcome, scale = np.full(shape, np.nan), np.full(shape, np.nan)
    for position, panel in enumerate(panels):
        for number, origin in enumerate(origins):
            row = row_at(panel, int(origin))
            if row is not None:
                outcome[number, position] = panel.target[row]
                scale[number, position] = panel.inputs.sigma[row]
    return Track([panel.symbol for panel in panels], origins, outcome, scale, {})


def walk(
    panels: Sequence[Panel],
    members: Sequence[type[Member]],
    origins: npt.NDArray[np.int64],
    progress: Progress,
) -> dict[str, FloatArray]:
    """Quantiles of every member, refitted at every origin. Shapes as in Track.quantiles."""
    shape = (len(origins), len(panels), len(HORIZONS), len(LEVELS))
    out = {member.name: np.full(shape, np.nan) for member in members}
    for number, origin in enumerate(origins):
        rows = [row_at(panel, int(origin)) for panel in panels]
        present = [position for position, row in enumerate(rows) if row is not None]
        for member in members:
            if not present:
                continue
            fitted = member.fit([known(panels[at], member, int(origin)) for at in present])
            for position, at in enumerate(present):
                row = np.array([rows[at]], dtype=np.int64)
                out[member.name][number, at] = fitted.quantiles(position, panels[at].inputs[row])[0]
        progress((number + 1) / len(origins), f"origin {number + 1}/{len(origins)}")
    return out


def follow(
    panels: Sequence[Panel], member: Forecaster, origins: npt.NDArray[np.int64], first: int, last: int
) -> FloatArray:
    """Quantiles of one fitted member at the origins in [first, last], NaN elsewhere. Shape as Track.quantiles."""
    out = np.full((len(origins), len(panels), len(HORIZONS), len(LEVELS)), np.nan)
    for at, panel in enumerate(panels):
        for number in np.flatnonzero((origins >= first) & (origins <= last)):
            row = row_at(panel, int(origins[number]))
            if row is not None:
                out[number, at] = member.quantiles(at, panel.inputs[row : row + 1])[0]
    return out


def known(panel: Panel, member: type[Member], origin: int) -> Panel:
    """What a member may be fitted on at an origin."""
    return panel.known_at(origin - EMBARGO if member.learns_from_labels else origin)
