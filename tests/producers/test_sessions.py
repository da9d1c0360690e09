from __future__ import annotations

from datetime import datetime

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
