"""The Yahoo feed against the stand-in: what it yields, compared with what was sent, whatever goes wrong between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from producers.errors import FixAndRestart
from producers.sessions import nyse
from producers.tick import Mark
from producers.tick_batch import TickBatch
from producers.universe import Universe, load_universe
from producers.yahoo_feed import YahooFeed
from producers.yahoo_stream import Pace
from tests.stubs import SESSION, close_ms
from tests.yahoo.market import endless_series, session_series
from tests.yahoo.server import Yahoo


@pytest.fixture
def market(yahoo: Yahoo) -> Yahoo:
    """Two symbols with a past that ends the day before the script begins."""
    yahoo.series["^IXIC"] = session_series("^IXIC", SESSION - 1)
    yahoo.series["BTC-USD"] = endless_series("BTC-USD", SESSION - 1)
    return yahoo


@pytest.fixture
def driven(market: Yahoo, tmp_path: Path) -> Iterator[Driven]:  # noqa: ARG001  # its environment
    one = Driven(tmp_path / "yahoo")
    yield one
    one.close()


def further(market: Yahoo, last: int, *prices: float) -> None:
    """The official closes of the sessions that end with `last` are there as well."""
    days = list(session_series("^IXIC", last, len(prices)).daily)
    market.series["^IXIC"].daily.update(zip(days, prices, strict=True))
