"""The loss by which models are compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processors.proper_loss import bounded_difference, crps

QUANTILES = st.lists(st.floats(-0.2, 0.2), min_size=5, max_size=5).map(sorted)


@given(QUANTILES, QUANTILES, st.floats(-0.5, 0.5))
def test_the_difference_in_loss_is_bounded_and_has_two_sides(
    new: list[float], old: list[float], outcome: float
) -> None:
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    found = bounded_difference(new, old, levels, outcome)
    assert -1 <= found <= 1
    assert found == pytest.approx(-bounded_difference(old, new, levels, outcome))
    assert bounded_difference(new, new, levels, outcome) == 0.0
    q_new, q_old, at = np.array(new), np.array(old), np.array(levels)
    worse = crps(q_new, at, np.array(outcome)) > crps(q_old, at, np.array(outcome))
    assert worse == (found > 0) or abs(found) < 1e-9
