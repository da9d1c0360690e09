"""The trial that counts spoilt challengers lets a sound one through, or its zero would mean nothing."""

from __future__ import annotations

import pytest

from benchmarks.drift.corruption import NONE, trial


@pytest.mark.parametrize(
    ("number", "stopped"),
    [
        (0, (NONE, "promoted")),
        (3, ("moves halved, last year", "past")),
        (11, ("served three times too narrow", "shadow")),
    ],
)
def test_a_challenger_is_stopped_by_the_guard_that_is_for_it(number: int, stopped: tuple[str, str]) -> None:
    assert trial("clustering", 7, number) == stopped
