"""What every member of the pool knows at a moment: one row of online features, by name, as arrays.

Nothing here needs a price history, so a member forecasts the same from the training set as from the online
store. The daily returns that a GARCH filter needs are taken back out of the input window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from feature_repo.features import WINDOW_CHANNELS, WINDOW_SESSIONS
from training.horizons import FloatArray
from training.volatility import anchor

SPANS = (5, 21, 63, 252)  # sessions of the realised volatilities
STATICS = ("momentum_21", "momentum_63", "momentum_252", "rv5_252", "rv21_252", "ewma_63")
EWMA_DECAY = 0.94  # of the feature ewma_volatility


@dataclass(frozen=True)
class Inputs:
    """n moments of one asset, oldest first.

    sigma    : shape (n, len(HORIZONS)), the volatility anchor.
    ewma     : shape (n,), volatility per session.   realised : shape (n, len(SPANS)), per session.
    returns  : shape (n, WINDOW_SESSIONS), session log returns, oldest first.
    window   : shape (n, WINDOW_SESSIONS, WINDOW_CHANNELS).   statics : shape (n, len(STATICS)).
    """

    sigma: FloatArray
    ewma: FloatArray
    realised: FloatArray
    returns: FloatArray
    window: FloatArray
    statics: FloatArray

    def __getitem__(self, rows: npt.NDArray[np.int64] | slice) -> Inputs:
        """The chosen moments."""
        return Inputs(*(getattr(self, field.name)[rows] for field in fields(self)))


def inputs_of(columns: Any, windows: Iterable[Any]) -> Inputs:
    """Inputs from feature columns by name (a frame, or a mapping of equally long sequences).

    windows : n arrays of WINDOW_SESSIONS * WINDOW_CHANNELS values. Rows must be warm: NaN in gives NaN out.
    """

    def column(name: str) -> FloatArray:
        return np.asarray(columns[name], dtype=float)

    ewma = column("ewma_volatility")
    realised = np.stack([column(f"realised_volatility_{span}") / np.sqrt(span) for span in SPANS], axis=-1)
    window = np.stack([np.asarray(one, dtype=float) for one in windows])
    window = window.reshape(-1, WINDOW_SESSIONS, WINDOW_CHANNELS)
    with np.errstate(divide="ignore", invalid="ignore"):
        statics = np.stack(
            [
                *(column(name) for name in STATICS[:3]),
                np.log(realised[:, 0] / realised[:, 3]),
                np.log(realised[:, 1] / realised[:, 3]),
                np.log(ewma / realised[:, 2]),
            ],
            axis=-1,
        )
    return Inputs(
        sigma=anchor(ewma, column("realised_volatility_252")),
        ewma=ewma,
        realised=realised,
        returns=session_returns(window[..., 0], ewma),
        window=window,
        # Infinities come from a volatility of zero: such a row says nothing about volatility.
        statics=np.clip(np.nan_to_num(statics, posinf=0, neginf=0), -5, 5),
    )


def session_returns(standardised: FloatArray, ewma: FloatArray) -> FloatArray:
    """Session log returns out of the window's standardised ones, shape (n, WINDOW_SESSIONS).

    standardised : shape (n, WINDOW_SESSIONS), each return over the volatility before it; ewma : shape (n,),
    the volatility after the last. The recursion of the volatility is run backwards, which is exact while no
    return was clipped (10 standard deviations); beyond, the return comes out smaller than it was.
    """
    variance = ewma**2
    out = np.empty_like(standardised)
    for position in range(standardised.shape[1] - 1, -1, -1):
        z = standardised[:, position]
        variance = variance / (EWMA_DECAY + (1 - EWMA_DECAY) * z**2)
        out[:, position] = z * np.sqrt(variance)
    return out
