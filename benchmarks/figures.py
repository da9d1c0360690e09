"""Results in words: dotted names, and numbers with as many digits as mean something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def flat(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names and readable values of a result.

    >>> list(flat({"peers": {"quix": {"ticks_per_s": 1234567.8}}, "runs": [1, 2]}))
    [('peers.quix.ticks_per_s', '1,234,568'), ('runs', '1 to 2')]
    """
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from flat(inner, f"{prefix}{name}.")
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for position, inner in enumerate(value):
            yield from flat(inner, f"{prefix}{position}.")
    elif isinstance(value, list):
        yield prefix[:-1], " to ".join(map(readable, value))
    else:
        yield prefix[:-1], readable(value)


def readable(value: Any) -> str:
    """Four significant digits, or all digits before the point.

    >>> readable(0.123456), readable(98765.432), readable(None)
    ('0.1235', '98,765', 'none')
    """
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
