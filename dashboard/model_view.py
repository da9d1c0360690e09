"""The members of the pool as people write them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

MEMBERS = {
    "lstm": "LSTM",
    "har": "HAR",
    "garch_fhs": "GARCH-FHS",
    "climatology": "Climatology",
}


def members(weights: Mapping[str, float]) -> list[tuple[str, float]]:
    """The pool, largest first: name and weight (fraction)."""
    ranked = sorted(weights.items(), key=lambda item: -item[1])
    return [(named(name), weight) for name, weight in ranked]


def named(member: str) -> str:
    """A member as people write it."""
    return MEMBERS.get(member, member.replace("_", " "))
