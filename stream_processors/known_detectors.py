"""River's drift detectors beside ours, on the same |2u - 1| of each asset. They are shown and ask for nothing.

Neither has a guarantee of how seldom it is wrong: `allocast bench drift` compares their false alarms with ours.

Source: Bifet and Gavalda (2007) for ADWIN; Page (1954) for Page-Hinkley.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

PAGE_HINKLEY = (
    10.0  # threshold of the cumulated deviation; River's default of 50 is for sums of larger values
)


class Known(Protocol):
    """What every detector of River's offers."""

    @property
    def drift_detected(self) -> bool: ...

    def update(self, x: float) -> None: ...


def river_detectors() -> Mapping[str, Callable[[], Known]]:
    """Detector name -> makes a new one. Imports River, which takes seconds."""
    from river.drift import ADWIN, PageHinkley

    return {"adwin": ADWIN, "page_hinkley": lambda: PageHinkley(threshold=PAGE_HINKLEY)}
