"""From the form to an answer: reading untrusted fields, asking, and sharing answers between viewers."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping

from dashboard.freshness import waiting_for
from dashboard.live import Poller, now_ms
from producers.errors import TryAgain
from producers.universe import Universe
from training.answer import Answer, Request, ask

CACHED_ANSWERS = 64


def number(value: object, empty: float = math.nan) -> float:
    """A form field as a float: `empty` when it is empty, NaN when it is no number.

    >>> number("12.5"), number(None, empty=0.0), number("", empty=0.0), number("1e999"), number([1])
    (12.5, 0.0, 0.0, inf, nan)
    """
    if value is None or value == "":
        return empty
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def request_of(amount: object, weights: Mapping[str, object], horizon: object, universe: Universe) -> Request:
    """The valid request in the form. Raises FixAndRestart with the sentence to show beside it."""
    percents = {name: number(value, empty=0.0) for name, value in weights.items()}
    return ask(number(amount), percents, str(horizon), universe)


class Forecaster:
    """Answers requests on the poller's snapshot. Viewers with the same form share one computation."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._answers: OrderedDict[tuple[object, ...], Answer] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        """Raises TryAgain with a sentence while something is missing."""
        snapshot = self._poller.snapshot
        missing = waiting_for(snapshot)
        if missing or snapshot.champion is None:
            raise TryAgain(missing)
        weights = tuple(sorted(request.weights.items()))
        key = (snapshot.revision, request.amount, weights, request.horizon)
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        answer = self._poller.source.answer(request, snapshot.champion, dict(snapshot.rows), now_ms())
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > CACHED_ANSWERS:
                self._answers.popitem(last=False)
        return answer
