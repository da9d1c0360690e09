"""The real app on a free port, run by uvicorn in a thread, around a source made by hand."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import uvicorn

from dashboard.access import Access
from dashboard.app import create_app
from dashboard.live import Poller
from launcher.free_port import free_ports
from tests.dashboard.stubs.market import UNIVERSE
from tests.dashboard.stubs.source import StubSource
from tests.services import until


@dataclass
class Site:
    """A running page. `stop` and `start` again keep the address, as a restarted process does."""

    source: StubSource
    port: int = field(default_factory=lambda: free_ports(1)[0])
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
