"""A Shiryaev-Roberts e-detector: change detection with a guaranteed average run length.

Why not a tuned threshold: PSI > 0.1 or Page-Hinkley with somebody's constants alarm on clean data as often
as they please. Here each factor is an e-value (expectation at most 1 while nothing has changed, given the
past), so the average run length to a false alarm is at least the threshold, without assuming independence.
Source: Shin, Ramdas and Rinaldo, "E-detectors" (2023), definition 2.2 and theorem 2.4; checked.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

BETS = np.array([-0.9, -0.6, -0.3, 0.3, 0.6, 0.9])  # on both directions, small and large changes


class EDetector:
    """`update(y)` with y in [0, 1] and mean 1/2 under the null (at most 1/2 with bets above 0); `value` is compared with the threshold.

    >>> detector = EDetector(threshold=500.0)
    >>> [detector.update(y) for y in [0.2, 0.8, 0.5]][-1]
    False
    >>> any([detector.update(0.95) for _ in range(60)])
    True
    """

    def __init__(self, threshold: float, bets: FloatArray = BETS) -> None:
        """bets : in (-1, 1); all above 0 when only a mean above 1/2 is to be found."""
        self.threshold = threshold
        self._bets = bets
        self._m: FloatArray = np.zeros(len(bets))

    @property
    def value(self) -> float:
        """The e-detector: a mixture over the bets."""
        return float(self._m.mean())

    def update(self, y: float) -> bool:
        """Take one observation; whether the detector is now at or above its threshold."""
        self._m = (self._m + 1) * (1 + self._bets * (2 * y - 1))
        return self.value >= self.threshold

    def reset(self) -> None:
        """Forget everything, after the alarm was acted upon."""
        self._m = np.zeros(len(self._bets))
