"""The stand-in of Yahoo, and a network that leads to nothing but it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher import embedded_broker
from launcher.free_port import LOOPBACK, free_ports
from tests.producers.driven_feed import Driven
from tests.services import running
from tests.stubs import SESSION
from tests.yahoo.market import endless_series, session_series
from tests.yahoo.server import Yahoo, standing_in


@pytest.fixture(scope="session")
def yahoo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yahoo]:
    """One for all tests: yfinance keeps a session, and with it the certificates it trusts, per process."""
    with standing_in(tmp_path_factory.mktemp("yahoo")) as server:
        yield server


@pytest.fixture
def yahoo(yahoo_server: Yahoo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Yahoo]:
    """Yahoo without any symbols; the real yfinance of this process reaches it."""
    for name, value in yahoo_server.environment().items():
        monkeypatch.setenv(name, value)
    yield yahoo_server
    yahoo_server.cut()
    yahoo_server.reset()


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


@pytest.fixture
def empty_broker(tmp_path: Path) -> Iterator[str]:
    """A broker of its own: feeds are never mixed in one log."""
    port = free_ports(1)[0]
    with running(embedded_broker.command(port), port, tmp_path / "log"):
        yield f"{LOOPBACK}:{port}"
