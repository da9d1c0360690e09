"""One poller per process: reads features and the champion twice a second, whatever the number of viewers."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from dashboard.events import News
from dashboard.record import Record
from feature_repo.online import FeatureRow
from producers.errors import AllocastError
from producers.universe import Universe
from training.answer import Answer, Request, Suggestion

if TYPE_CHECKING:  # importing it loads ONNX Runtime, which the first paint does not need
    from training.audit import Chain
    from training.champion import Champion
    from training.profit import Outcome

log = logging.getLogger(__name__)

EVERY_S = 0.5
FORECAST_EVERY_S = 2.0  # forecasts follow the prices; half a year ahead hardly moves within a second
TRAIL_POINTS = 120  # of the sparklines, about one per second
OPENING = "The feature store is being opened."  # before the first look at it
NOT_SET_UP = "The feature store has not been set up yet."


class Source(Protocol):
    """Everything the page reads. The live one is LiveSource; tests give a small one of their own."""

    def read(self) -> Mapping[str, FeatureRow]:
        """Rows by symbol. Raises TryAgain with a sentence when the store does not answer."""

    def champion(self) -> Champion | None:
        """The model that answers, or None before the first one. Cheap to call."""

    def model_problem(self) -> str | None:
        """Why a newer model could not be loaded, if so."""

    def news(self) -> News:
        """Model events and drift reports."""

    def record(self) -> Record:
        """Closes, and what was forecast and came of it."""

    def answer(
        self, request: Request, champion: Champion, rows: dict[str, FeatureRow], now_ms: int
    ) -> Answer:
        """The forecast. Raises TryAgain when the inputs of a chosen asset are missing."""

    def outcome(self, request: Request, champion: Champion, rows: dict[str, FeatureRow]) -> Outcome:
        """The same forecast scenario by scenario. Raises as `answer` does."""

    def suggest(self, outcome: Outcome, horizon_sessions: int) -> Suggestion:
        """The efficient frontier on an outcome's scenarios. Takes seconds the first time."""

    def shadow_sessions(self) -> int:
        """Sessions for which a new model is watched before it is judged."""

    def versions(self) -> list[str]:
        """Models that could be served, newest first."""

    def chain(self, version: str) -> Chain:
        """Why a model serves: everything that led to it. Reads logs, which may take seconds.

        Raises FixAndRestart for a version there is none of, TryAgain without a broker.
        """

    def retrain(self) -> str:
        """Ask for a retraining; a sentence. Raises TryAgain."""

    def roll_back(self, version: str) -> str:
        """Serve an earlier model; a sentence. Raises FixAndRestart or TryAgain."""


@dataclass(frozen=True)
class Snapshot:
    """What the page knows at one moment; never changed, only replaced."""

    rows: Mapping[str, FeatureRow] = field(default_factory=dict)  # by symbol
    champion: Champion | None = None
    model_problem: str | None = None
    news: News = field(default_factory=News)
    taken_ms: int = 0  # the last time the store answered; 0 when it never did
    store_problem: str = OPENING  # empty when the last read succeeded
    record: Record = field(default_factory=Record)
    basis: Mapping[str, FeatureRow] = field(default_factory=dict)  # the rows that forecasts are made from
    revision: int = 0  # grows when basis or champion changed, so that forecasts are computed again
    market_open: bool = True


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Poller:
    """Publishes the newest Snapshot as `snapshot` and the last prices as `trail`."""

    def __init__(
        self, source: Source, universe: Universe, clock: Callable[[], int] = now_ms, every_s: float = EVERY_S
    ) -> None:
        self.source = source
        self.universe = universe
        self.snapshot = Snapshot()
        self._clock = clock
        self._every_s = every_s
        self._trail: dict[str, deque[float]] = {
            asset.symbol: deque(maxlen=TRAIL_POINTS) for asset in universe.asset
        }
        self._trail_ms = 0
        self._basis_ms = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end and wait for it."""
        self._stop.set()
        self._thread.join(timeout=10)

    def trail(self) -> dict[str, list[float]]:
        """Recent prices by symbol, oldest first, about one per second."""
        return {symbol: list(prices) for symbol, prices in self._trail.items()}

    def step(self) -> Snapshot:
        """Read everything once and publish it. What cannot be read keeps its last value."""
        last, at = self.snapshot, self._clock()
        rows, taken_ms, store_problem = last.rows, last.taken_ms, ""
        champion, model_problem = last.champion, None
        # Feast, Redis and ONNX Runtime raise errors of many kinds; each costs its own part of the page only.
        try:
            rows, taken_ms = dict(self.source.read()), at
        except Exception as error:
            store_problem = _sentence(error)
        try:
            champion, model_problem = self.source.champion(), self.source.model_problem()
        except Exception as error:
            model_problem = _sentence(error)
        self._report(store_problem, last.store_problem)
        self._report(model_problem, last.model_problem)
        basis = last.basis
        due = at - self._basis_ms >= FORECAST_EVERY_S * 1000 or champion is not last.champion
        if rows.keys() != basis.keys() or (due and _moved(rows, basis)):
            basis, self._basis_ms = rows, at
        self.snapshot = Snapshot(
            rows=rows,
            champion=champion,
            model_problem=model_problem,
            news=self.source.news(),
            taken_ms=taken_ms,
            store_problem=store_problem,
            record=self.source.record(),
            basis=basis,
            revision=last.revision + (champion is not last.champion or basis is not last.basis),
            market_open=self._market_open(at),
        )
        if not store_problem and at - self._trail_ms >= 1000:
            self._trail_ms = at
            for symbol, prices in self._trail.items():
                price = rows[symbol].values.get("price") if symbol in rows else None
                if price is not None:
                    prices.append(price)
        return self.snapshot

    def _market_open(self, at: int) -> bool:
        """The calendar takes a second to import: the first rounds do without it."""
        if self.snapshot.taken_ms == 0:
            return True
        from producers.sessions import nyse

        return nyse().is_open(at)

    def _report(self, problem: str | None, before: str | None) -> None:
        """Log a problem when it appears, not twice a second."""
        if problem and problem != before:
            log.warning("%s", problem)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.step()
            self._stop.wait(self._every_s)


def _sentence(error: Exception) -> str:
    """Our own errors speak for themselves; others need their kind to make sense."""
    return str(error) if isinstance(error, AllocastError) else f"{type(error).__name__}: {error}"


def _moved(new: Mapping[str, FeatureRow], old: Mapping[str, FeatureRow]) -> bool:
    """Whether any row is another one. Rows hold arrays, so they are compared by what moves them."""
    if new.keys() != old.keys():
        return True
    return any(
        (row.event_ms, row.seen_ms, row.values["price"])
        != (old[symbol].event_ms, old[symbol].seen_ms, old[symbol].values["price"])
        for symbol, row in new.items()
    )
