"""The usual tutorial: a Faust agent, pandas over the window for every tick, one-row Feast `push`."""

from __future__ import annotations

import os
from typing import Any

import faust
import pandas as pd

from benchmarks.market import HISTORY, history
from benchmarks.peers.options import PeerOptions, parse
from benchmarks.peers.progress import Progress
from benchmarks.peers.tutorial_features import session_features
from feature_repo.features import FEATURES, spec_hash
from feature_repo.store import open_store
from producers import tick, topics
from producers.sessions import nyse
from producers.tick import TickFrame
from producers.universe import load_universe

WINDOW = 300  # closes kept per symbol


class Tutorial:
    """Closes per symbol in memory, and a Feast store."""

    def __init__(self, options: PeerOptions) -> None:
        self._store = open_store(options.settings)
        self._symbols = load_universe(options.settings.universe_file).symbols
        self._closes: dict[str, list[float]] = {}
        self._session: dict[str, int] = {}

    def warm(self, session: int) -> None:
        """The history that the other engines find in their states."""
        for frame in history(self._symbols, session, seen_ms=0):
            self._closes[frame.symbols[0]] = [price for price in frame.price if price is not None]
            self._session[frame.symbols[0]] = session - 1

    def apply(self, frame: TickFrame, progress: Progress) -> None:
        """Compute and push every tick."""
        if not self._closes:
            self.warm(nyse().index_at(frame.event_ms[0]))
        for code, event_ms, price in zip(frame.symbol, frame.event_ms, frame.price, strict=True):
            symbol, session = frame.symbols[code], nyse().index_at(event_ms)
            closes = self._closes[symbol]
            if session == self._session[symbol]:
                closes.pop()
            closes.append(price or 0.0)
            self._session[symbol] = session
            del closes[:-WINDOW]
            self._store.push(
                "asset_features_push", pd.DataFrame([self._row(symbol, event_ms, frame.seen_ms)])
            )
            progress.written(1)

    def _row(self, symbol: str, event_ms: int, seen_ms: int) -> dict[str, Any]:
        closes = self._closes[symbol]
        known: dict[str, Any] = {
            **session_features(closes),
            "event_ms": event_ms,
            "seen_ms": seen_ms,
            "session_date": int(str(nyse().date[self._session[symbol]]).replace("-", "")),
            "n_sessions": HISTORY + 1,
            "is_warm": 1,
            "feed": "bench",
            "spec_hash": spec_hash(),
        }
        at = pd.Timestamp(event_ms, unit="ms", tz="UTC")
        row = {feature.name: known.get(feature.name) for feature in FEATURES}
        return {"symbol": symbol, "event_timestamp": at, "created_timestamp": at, **row}


def main(options: PeerOptions) -> None:
    """Consume until it is stopped."""
    app = faust.App(
        f"tutorial-{os.getpid()}",
        broker=f"kafka://{options.settings.kafka_bootstrap_servers}",
        store="memory://",
        topic_partitions=options.settings.partitions,
        topic_disable_leader=True,
        topic_allow_declare=False,
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        datadir=str(options.work),
    )
    tutorial, progress = Tutorial(options), Progress(options.ticks)

    @app.agent(app.topic(topics.TICKS, value_type=bytes))
    async def consume(stream: Any) -> None:
        async for value in stream:
            frame = tick.decode(value)
            progress.started()
            if not frame.history:
                tutorial.apply(frame, progress)

    faust.Worker(app, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(parse(__doc__))
