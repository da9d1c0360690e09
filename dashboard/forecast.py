"""From the form to an answer: reading untrusted fields, asking, and sharing answers between viewers."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from dashboard.freshness import waiting_for
from dashboard.live import Poller, Snapshot, now_ms
from dashboard.metrics import FORECASTS
from producers.errors import TryAgain
from producers.universe import Universe
from training.answer import HORIZONS, Answer, Request, Suggestion, ask

if TYPE_CHECKING:
    from training.champion import Champion
    from training.profit import Outcome

CACHED_ANSWERS = 64
LONGEST_WORD = 20  # characters of a choice that are looked at
TERMS = ("fee", "rebalance", "deposit")  # fields of the form beside amount, weights and horizon
NO_TERMS: Mapping[str, object] = {}


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


def request_of(
    amount: object,
    weights: Mapping[str, object],
    horizon: object,
    universe: Universe,
    terms: Mapping[str, object] = NO_TERMS,
) -> Request:
    """The valid request in the form; of `terms` the keys TERMS count. Raises FixAndRestart with the sentence to
    show beside it.
    """
    return ask(
        number(amount),
        {name: number(value, empty=0.0) for name, value in weights.items()},
        str(horizon)[:LONGEST_WORD],
        universe,
        fee=number(terms.get("fee"), empty=0.0),
        rebalance=str(terms.get("rebalance", "none"))[:LONGEST_WORD],
        deposit=str(terms.get("deposit", "fixed"))[:LONGEST_WORD],
    )


class Forecaster:
    """Answers requests on the poller's snapshot. Viewers with the same form share one computation."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._answers: OrderedDict[tuple[int, bytes], Answer] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        """Raises TryAgain with a sentence while something is missing."""
        snapshot, champion = self._ready()
        key = (snapshot.revision, msgspec.json.encode(request, order="sorted"))
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        answer = self._poller.source.answer(request, champion, dict(snapshot.basis), now_ms())
        FORECASTS.inc()
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > CACHED_ANSWERS:
                self._answers.popitem(last=False)
        return answer

    def outcomes(self, requests: Sequence[Request]) -> list[Outcome]:
        """Allocations on the same scenarios. Raises TryAgain as a forecast does."""
        snapshot, champion = self._ready()
        return [self._poller.source.outcome(one, champion, dict(snapshot.basis)) for one in requests]

    def suggest(self, request: Request) -> Suggestion:
        """The frontier around a request. Raises as `outcomes`; FixAndRestart with fewer than two assets."""
        (outcome,) = self.outcomes([request])
        return self._poller.source.suggest(outcome, HORIZONS[request.horizon])

    def _ready(self) -> tuple[Snapshot, Champion]:
        snapshot = self._poller.snapshot
        missing = waiting_for(snapshot)
        if missing or snapshot.champion is None:
            raise TryAgain(missing)
        return snapshot, snapshot.champion
