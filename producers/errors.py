"""Errors named by what the reader must do next.

AllocastError
├── FixAndRestart   a setting, a file or an argument is wrong; trying again gives the same answer
├── TryAgain        a broker, a store or a feed does not answer; waiting may help
└── SkipRecord      one record is bad; dead-letter it and go on

Messages say what was expected, what was given, and where.
"""


class AllocastError(Exception):
    """Root of every error that Allocast raises on purpose."""


class FixAndRestart(AllocastError):
    """Wrong input that a person must change."""


class TryAgain(AllocastError):
    """Something outside is not there at the moment."""


class SkipRecord(AllocastError):
    """One bad record. `reason` is the short machine-readable word kept in its dead letter."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
