"""The live source: Feast, the champion directory and Kafka, each opened late and outside the page's way."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dashboard import operations
from dashboard.events import News, NewsReader
from dashboard.live import NOT_SET_UP
from dashboard.metrics import STORE_READ_S
from dashboard.record import Record, RecordReader
from feature_repo.online import FeatureReader, FeatureRow
from producers import topics
from producers.errors import TryAgain
from producers.settings import Settings
from producers.tick import partition_of
from producers.universe import Universe
from stream_processors.state_version import APP_ID
from training.answer import Answer, Request, Suggestion

if TYPE_CHECKING:
    from training.audit import Chain
    from training.champion import Champion, ChampionWatcher
    from training.profit import Outcome

log = logging.getLogger(__name__)

REOPEN_S = 1.0


class LiveSource:
    """Used by the poller's thread, except `answer`, which request threads call."""

    def __init__(self, settings: Settings, universe: Universe) -> None:
        from producers.kafka_client import client_config

        self._settings = settings
        self._universe = universe
        self._reader: FeatureReader | None = None
        self._watcher: ChampionWatcher | None = None
        self._reopen_at = 0.0
        self._why = ""
        self._config = client_config(settings)
        self._news = NewsReader(self._config)
        self._record = RecordReader(self._config, APP_ID)

    def start(self) -> None:
        """Begin to read Kafka."""
        self._news.start()
        self._record.start()

    def read(self) -> Mapping[str, FeatureRow]:
        """Rows by symbol; opens the store on the first call, which takes seconds, and again until it opens."""
        if self._reader is None:
            self._reader = self._open()
        with STORE_READ_S.time():
            return self._reader.read(self._universe.symbols)

    def champion(self) -> Champion | None:
        if self._watcher is None:
            from training.champion import ChampionWatcher

            self._watcher = ChampionWatcher(self._settings.models_dir, self._universe)
        return self._watcher.current()

    def model_problem(self) -> str | None:
        return self._watcher.problem if self._watcher is not None else None

    def news(self) -> News:
        return self._news.news()

    def record(self) -> Record:
        return self._record.record()

    def answer(
        self, request: Request, champion: Champion, rows: dict[str, FeatureRow], now_ms: int
    ) -> Answer:
        from training.answering import answer

        given = answer(request, champion, rows, now_ms, self._universe)
        if log.isEnabledFor(logging.DEBUG):
            self._log_places(given)
        return given

    def outcome(self, request: Request, champion: Champion, rows: dict[str, FeatureRow]) -> Outcome:
        from training.profit import simulate

        return simulate(request, champion.scenarios(rows), rows, self._universe)

    def suggest(self, outcome: Outcome, horizon_sessions: int) -> Suggestion:
        from training.frontier import suggest
        from training.horizons import FAN

        try:
            return suggest(outcome, FAN.index(horizon_sessions))
        except (ValueError, RuntimeError) as error:  # what skfolio and its solvers raise
            raise TryAgain(f"The frontier could not be computed: {error}") from error

    def shadow_sessions(self) -> int:
        return self._settings.shadow_sessions

    def versions(self) -> list[str]:
        return operations.versions(self._settings)

    def chain(self, version: str) -> Chain:
        from training.model_logs import chain_of

        return chain_of(self._settings, version)[0]

    def retrain(self) -> str:
        return operations.retrain(self._config)

    def roll_back(self, version: str) -> str:
        return operations.roll_back(self._settings, self._config, version)

    def close(self) -> None:
        """Stop reading Kafka."""
        self._news.stop()
        self._record.stop()

    def _log_places(self, given: Answer) -> None:
        """A line per input: the newest record of ticks that it contains. What was asked is the viewer's own."""
        for asset in self._universe.asset:
            known = given.inputs[asset.id]
            if known.source_offset is not None:
                place = f"{topics.TICKS}[{partition_of(asset.symbol, self._settings.partitions)}]@{known.source_offset}"
                log.debug(
                    "%s: %s, %s, in an answer of %s", place, asset.id, known.status, given.model.version
                )

    def _open(self) -> FeatureReader:
        """The Feast reader. Raises TryAgain while its registry has not been written or cannot be read."""
        from feature_repo.online import FeastReader

        if not self._settings.registry_file.exists():
            raise TryAgain(NOT_SET_UP)
        if time.monotonic() < self._reopen_at:
            raise TryAgain(self._why)
        try:
            return FeastReader(self._settings)
        except Exception as error:  # Feast raises many kinds while its registry is being written
            self._why = f"The feature store cannot be opened: {error}"
            self._reopen_at = time.monotonic() + REOPEN_S
            raise TryAgain(self._why) from error
