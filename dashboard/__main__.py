"""`python -O -m dashboard`: the page. -O because Feast's imports are twice as fast without assertions."""

from __future__ import annotations

import contextlib
import logging
import sys

import uvicorn

from dashboard.access import load_access
from dashboard.app import create_app
from dashboard.live import Poller
from dashboard.source import LiveSource
from feature_repo.store import check_redis
from producers import heap, logs
from producers.broker_access import reach
from producers.entry_point import exit_codes
from producers.errors import TryAgain
from producers.settings import load_settings
from producers.universe import load_universe


def main() -> int:
    """Serve until stopped. Features, model and events are opened behind the page, not before it."""
    with exit_codes("dashboard"):
        settings = load_settings()
        access = load_access(settings.host)
        universe = load_universe(settings.universe_file)
        logs.configure(settings, "dashboard")
        heap.keep_small()
        logging.getLogger("kafka").setLevel(
            "CRITICAL"
        )  # it logs each failed attempt; NewsReader says it once
        with contextlib.suppress(TryAgain):  # the page says itself what does not answer yet
            reach(settings)
        check_redis(settings)
        source = LiveSource(settings, universe)
    poller = Poller(source, universe)
    app = create_app(poller, access)
    source.start()
    poller.start()
    try:
        uvicorn.run(
            app.server,
            host=settings.host,
            port=settings.port,
            log_level="warning",
            ws="websockets-sansio",  # the other one is deprecated by the websockets package
            timeout_graceful_shutdown=2,
        )
    finally:
        poller.stop()
        source.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
