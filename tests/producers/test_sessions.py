from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from producers.sessions import NEW_YORK, nyse


@pytest.mark.parametrize(
    ("moment", "weekend"),
    [
        ("2025-01-20 10:00", False),  # Martin Luther King's day, a Monday: gold trades
        ("2025-11-27 09:30", False),  # Thanksgiving
        ("2025-07-03 23:00", False),  # the evening before a holiday
        ("2025-01-17 19:59", False),
        ("2025-01-17 20:00", True),
        ("2025-01-18 12:00", True),
        ("2025-01-19 17:59", True),
        ("2025-01-19 18:00", False),
        ("2025-07-13 17:59", True),  # in summer, too
        ("2025-07-13 18:00", False),
    ],
)
def test_a_weekend_lasts_from_friday_evening_to_sunday_evening_in_new_york(
    moment: str, weekend: bool
) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=NEW_YORK)
    assert nyse().is_weekend(int(at.timestamp() * 1000)) is weekend


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-07-29T13:29", False),  # a Wednesday in New York's summer
        ("2026-07-29T13:30", True),
        ("2026-07-29T20:00", True),
        ("2026-07-29T20:01", False),
        ("2026-07-25T15:00", False),  # Saturday
        ("2026-07-03T15:00", False),  # the holiday before the fourth
        ("2025-11-28T17:59", True),  # half day
        ("2025-11-28T18:01", False),
        ("2026-01-15T14:29", False),  # winter
        ("2026-01-15T14:30", True),
    ],
)
def test_the_exchange_is_open(moment: str, expected: bool) -> None:
    at = int(np.datetime64(moment, "ms").astype(np.int64))
    assert nyse().is_open(at) is expected
