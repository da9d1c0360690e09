"""What a peer says on standard output: when it began to apply records, and how far it is."""

from __future__ import annotations

import sys
import time

import msgspec

SAY_EVERY_S = 0.25


class Line(msgspec.Struct, frozen=True):
    """Ticks whose rows are readable online, at a moment of time.time()."""

    at: float
    ticks: int


class Progress:
    """Prints a line now and then, and always when `expected` ticks are done."""

    def __init__(self, expected: int) -> None:
        self._expected, self._said_at, self._ticks = expected, 0.0, 0

    def started(self) -> None:
        """The first record has arrived."""
        if not self._said_at:
            self._say()

    def written(self, ticks: int) -> None:
        """So many ticks more are in rows that are readable online."""
        self._ticks += ticks
        if self._ticks >= self._expected or time.time() - self._said_at > SAY_EVERY_S:
            self._say()

    def _say(self) -> None:
        self._said_at = time.time()
        sys.stdout.write(msgspec.json.encode(Line(self._said_at, self._ticks)).decode() + "\n")
        sys.stdout.flush()


def lines(text: str) -> list[Line]:
    """The progress in what a peer printed; other output is passed over.

    >>> [line.ticks for line in lines('loading\\n{"at":1.0,"ticks":0}\\n{"at":2.5,"ticks":64}\\n{"at":3')]
    [0, 64]
    """
    whole = text.splitlines()
    return [
        msgspec.json.decode(line, type=Line)
        for line in whole
        if line.startswith('{"at"') and line.endswith("}")
    ]
