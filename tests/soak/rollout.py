"""A rolling restart as an operator does it: one service after the other, each when the one before is ready."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field

from tests.chaos.cluster import Cluster
from tests.chaos.server import Server
from tests.services import until

LOOK_S = 0.2
READY_S = 300.0  # with other work on the machine, importing alone takes a minute


@dataclass
class Rollout:
    """restarts : so far. away_s : of each service, the longest time from SIGTERM until it was ready again."""

    cluster: Cluster
    restarts: int = 0
    away_s: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        """Restart every service once. Fails where one does not end by itself, or is never ready."""
        cluster = self.cluster
        for worker in cluster.workers:
            self._restart(worker)
            cluster.shared_by(len(cluster.workers))
        for service in cluster.others:
            self._restart(service)

    def _restart(self, server: Server) -> None:
        began = time.monotonic()
        server.terminate()
        assert server.exit_code != -signal.SIGKILL, (
            f"{server.name} did not end: {server.log.read_text()[-2000:]}"
        )
        server.start()
        until(server.ready, f"{server.name} is ready", READY_S, every_s=LOOK_S)
        self.restarts += 1
        self.away_s[server.name] = max(self.away_s.get(server.name, 0.0), time.monotonic() - began)
