"""What `allocast doctor` says of one thing it looked at."""

from __future__ import annotations

from typing import Literal

import msgspec

Verdict = Literal["ok", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True):
    """`repair` says what to do, as a command where there is one; empty when nothing is to be done."""

    name: str
    verdict: Verdict
    detail: str
    repair: str = ""


def ok(name: str, detail: str) -> Finding:
    """Nothing to do."""
    return Finding(name, "ok", detail)


def warn(name: str, detail: str, repair: str) -> Finding:
    """It runs, with a risk."""
    return Finding(name, "warn", detail, repair)


def fail(name: str, detail: str, repair: str) -> Finding:
    """It does not run, or loses data."""
    return Finding(name, "fail", detail, repair)
