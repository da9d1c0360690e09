# ruff: noqa: RUF001 - the page writes a true minus sign and an en dash
"""Numbers as text, by table."""

import math

import pytest

from dashboard import money


@pytest.mark.parametrize(
    ("value", "amount", "text"),
    [
        (312.4, 10_000, "+312"),
        (-1234.5, 10_000, "−1,234"),
        (0.4, 10_000, "0"),
        (-0.4, 10_000, "0"),
        (-0.4, 10, "−0.40"),
        (0.004, 10, "0.00"),
        (1e12, 1e12, "+1,000,000,000,000"),
        (math.nan, 10, "–"),
        (math.inf, 10, "–"),
    ],
)
def test_profit(value: float, amount: float, text: str) -> None:
    assert money.profit(value, amount) == text


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.0, "below 1 %"),
        (0.0099, "below 1 %"),
        (0.01, "1 %"),
        (0.5, "50 %"),
        (0.995, "above 99 %"),
        (None, "–"),
    ],
)
def test_chance_is_never_0_or_100(probability: float | None, text: str) -> None:
    assert money.chance(probability) == text


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.0004, "0.0 %"), (-0.0004, "0.0 %"), (-0.123, "−12.3 %"), (math.nan, "–")]
)
def test_percent(fraction: float, text: str) -> None:
    assert money.percent(fraction) == text


@pytest.mark.parametrize(
    ("price", "text"),
    [(64010.5, "64,010.50"), (-0.25, "−0.25"), (0.0, "0.00"), (1.0, "1.00"), (None, "–"), (math.nan, "–")],
)
def test_quote(price: float | None, text: str) -> None:
    assert money.quote(price) == text
