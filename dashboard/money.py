"""Numbers as a saver reads them. Pure functions; a true minus sign, thin grouping, no currency of our own."""

from __future__ import annotations

import math

MINUS = "\u2212"
NOTHING = "\u2013"
UP, DOWN, EVEN = "\u25b2", "\u25bc", "\u25cf"
SMALL_AMOUNT = 1000.0  # below it a profit is shown with two decimals


def _signed(text: str, value: float) -> str:
    """`text` of abs(value) with its sign; what rounds to zero gets none."""
    if not any(digit in text for digit in "123456789"):
        return text
    return ("+" if value > 0 else MINUS) + text


def profit(value: float, amount: float) -> str:
    """A profit in money, as exact as the amount deserves.

    >>> profit(312.4, 10_000), profit(-1234.5, 10_000), profit(0.2, 10_000), profit(3.126, 100)
    ('+312', '−1,234', '0', '+3.13')
    """
    if not math.isfinite(value):
        return NOTHING
    return _signed(f"{abs(value):,.{0 if amount >= SMALL_AMOUNT else 2}f}", value)


def plain(value: float, amount: float) -> str:
    """An amount of money without a sign of its own.

    >>> plain(312.4, 10_000), plain(3.126, 100)
    ('312', '3.13')
    """
    if not math.isfinite(value):
        return NOTHING
    text = f"{abs(value):,.{0 if amount >= SMALL_AMOUNT else 2}f}"
    return (MINUS if value < 0 and any(digit in text for digit in "123456789") else "") + text


def percent(fraction: float, digits: int = 1) -> str:
    """A signed fraction in percent.

    >>> percent(0.0312), percent(-0.2), percent(0.0)
    ('+3.1 %', '−20.0 %', '0.0 %')
    """
    if not math.isfinite(fraction):
        return NOTHING
    return _signed(f"{abs(fraction) * 100:.{digits}f}", fraction) + " %"


def arrow(value: float) -> str:
    """The direction as a shape, since colour alone does not reach everyone."""
    return UP if value > 0 else DOWN if value < 0 else EVEN


def chance(probability: float | None) -> str:
    """A probability in whole percent. Finite scenarios never prove 0 or 100.

    >>> chance(0.231), chance(0.0), chance(1.0), chance(None)
    ('23 %', 'below 1 %', 'above 99 %', '–')
    """
    if probability is None or not math.isfinite(probability):
        return NOTHING
    if probability < 0.01:
        return "below 1 %"
    if probability > 0.99:
        return "above 99 %"
    return f"{probability * 100:.0f} %"


def quote(price: float | None) -> str:
    """A price with the decimals its size deserves.

    >>> quote(64010.5), quote(0.0712345), quote(4.05), quote(None)
    ('64,010.50', '0.07123', '4.05', '–')
    """
    if price is None or not math.isfinite(price):
        return NOTHING
    text = f"{abs(price):,.2f}" if abs(price) >= 1 or price == 0 else f"{abs(price):.4g}"
    return (MINUS if price < 0 else "") + text
