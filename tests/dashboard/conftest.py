"""The real app on a free port, run by uvicorn in a thread, around a source made by hand."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import uvicorn

from dashboard.access import Access
from dashboard.app import create_app
from dashboard.live import Poller
from tests.dashboard.stubs.forecasts import champion
from tests.dashboard.stubs.market import UNIVERSE, rows
from tests.dashboard.stubs.source import StubSource

DEADLINE_S = 15.0


def until(condition: Callable[[], object], what: str) -> None:
    """Poll until true; fail with `what` at the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"not within {DEADLINE_S:g} s: {what}"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Site:
    """A running page. `stop` and `start` again keep the address, as a restarted process does."""

    source: StubSource
    port: int = field(default_factory=free_port)
    access: Access = field(default_factory=Access)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        self.poller = Poller(self.source, UNIVERSE, every_s=0.1)
        config = uvicorn.Config(
            create_app(self.poller, self.access).server,
            host="127.0.0.1",
            port=self.port,
            log_level="warning",
            timeout_graceful_shutdown=1,
            ws="websockets-sansio",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self.poller.start()
        self._thread.start()
        until(lambda: self._server.started, "the server listens")

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self.poller.stop()
        assert not self._thread.is_alive(), "the server did not stop"


@pytest.fixture
def site() -> Iterator[Site]:
    """A page that has everything: prices of all assets (simulated) and a champion."""
    running = Site(StubSource(*rows(), champion=champion()))
    running.start()
    yield running
    running.stop()
