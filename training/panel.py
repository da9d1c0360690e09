"""One asset's past as features and labels, and what of it was known at a session."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from training.horizons import HORIZONS, FloatArray
from training.inputs import Inputs


@dataclass(frozen=True)
class Panel:
    """One asset's history, oldest first; n warm sessions.

    session : shape (n,), index in the NYSE calendar, increasing.     price : shape (n,), quote.
    inputs  : n moments.
    target  : shape (n, len(HORIZONS)), log return to each horizon; NaN where it has not ended yet.
    """

    symbol: str
    session: npt.NDArray[np.int64]
    price: FloatArray
    inputs: Inputs
    target: FloatArray

    def known_at(self, session: int) -> Panel:
        """This panel as it was at the close of `session`: later rows gone, unfinished labels NaN.

        The one place where labels are purged, by the end of the target, so no member can forget it.
        """
        n = int(np.searchsorted(self.session, session, side="right"))
        ended = self.session[:n, None] + np.array(HORIZONS) <= session
        return replace(
            self,
            session=self.session[:n],
            price=self.price[:n],
            inputs=self.inputs[:n],
            target=np.where(ended, self.target[:n], np.nan),
        )

    def between(self, first: int, last: int) -> Panel:
        """Rows from session `first` on, as known at the close of `last`."""
        known = self.known_at(last)
        rows = slice(int(np.searchsorted(known.session, first)), None)
        return replace(
            known,
            session=known.session[rows],
            price=known.price[rows],
            inputs=known.inputs[rows],
            target=known.target[rows],
        )

    @property
    def returns(self) -> FloatArray:
        """Log returns from each row to the next, shape (n - 1,)."""
        result: FloatArray = np.diff(np.log(self.price))
        return result
