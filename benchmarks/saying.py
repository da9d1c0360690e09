"""Progress of long work, on standard error: standard output belongs to the result."""

from __future__ import annotations

import sys


def say(sentence: str) -> None:
    """One line."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
