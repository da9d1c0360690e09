"""What the page reads, every part of it in the hands of a test."""

from __future__ import annotations

from typing import Any

from dashboard.events import News
from dashboard.record import Record
from feature_repo.online import FeatureRow, MemoryReader
from producers.errors import FixAndRestart, TryAgain
from tests.dashboard.stubs.forecasts import StubChampion, answer
from tests.dashboard.stubs.market import UNIVERSE, row
from tests.dashboard.stubs.models import chain
from training.answer import (
    Answer,
    Request,
    Suggestion,
)
from training.audit import Chain
from training.frontier import suggest
from training.horizons import FAN
from training.profit import Outcome, simulate


class StubSource:
    """A source whose parts a test sets; set `away` to make the store unreachable."""

    def __init__(
        self, *given: FeatureRow, champion: StubChampion | None = None, news: News | None = None
    ) -> None:
        self.reader = MemoryReader(given)
        self.model = champion
        self.problem: str | None = None
        self.said = news or News()
        self.known = Record()
        self.served: list[str] = ["v1", "v0"]
        self.did: list[str] = []
        self.away = ""
        self.asked: list[Request] = []

    def read(self) -> dict[str, FeatureRow]:
        if self.away:
            raise TryAgain(self.away)
        return self.reader.read(UNIVERSE.symbols)

    def champion(self) -> Any:
        return self.model

    def model_problem(self) -> str | None:
        return self.problem

    def news(self) -> News:
        return self.said

    def record(self) -> Record:
        return self.known

    def answer(self, request: Request, champion: Any, rows: dict[str, FeatureRow], now_ms: int) -> Answer:  # noqa: ARG002  # as Source has it
        self.asked.append(request)
        return answer(request, champion, rows)

    def outcome(self, request: Request, champion: Any, rows: dict[str, FeatureRow]) -> Outcome:
        return simulate(request, champion.scenarios(rows), rows, UNIVERSE)

    def suggest(self, outcome: Outcome, horizon_sessions: int) -> Suggestion:
        return suggest(outcome, FAN.index(horizon_sessions))

    def shadow_sessions(self) -> int:
        return 10

    def versions(self) -> list[str]:
        return self.served

    def chain(self, version: str) -> Chain:
        if version not in self.served:
            raise FixAndRestart(f"no model {version!r}; there are: {', '.join(self.served)}")
        return chain(version)

    def retrain(self) -> str:
        self.did.append("retrain")
        return "A retraining was asked for."

    def roll_back(self, version: str) -> str:
        if version not in self.served:
            raise FixAndRestart(f"version: there is no model {version!r}")
        self.did.append(version)
        return f"{version} answers again."

    def move(self, asset_id: str, price: float, **values: Any) -> None:
        """A new tick of one asset."""
        symbol = next(asset.symbol for asset in UNIVERSE.asset if asset.id == asset_id)
        old = self.reader.rows.get(symbol)
        feed = old.feed if old else "simulated"
        self.reader.rows = {**self.reader.rows, symbol: row(symbol, price, feed=feed, **values)}
