"""`python -O -m dashboard`: the page. -O because Feast's imports are twice as fast without assertions."""

from __future__ import annotations

import logging
import sys

import uvicorn

from dashboard.access import load_access
from dashboard.app import create_app
from dashboard.live import Poller
from dashboard.source import LiveSource
from producers import logs
from producers.errors import FixAndRestart
from producers.settings import load_settings
from producers.universe import load_universe


def main() -> int:
    """Serve until stopped. Features, model and events are opened behind the page, not before it."""
    try:
        settings = load_settings()
        access = load_access(settings.host)
        universe = load_universe(settings.universe_file)
    except FixAndRestart as error:
        sys.stderr.write(f"dashboard: {error}\n")
        return 2
    logs.configure(settings, "dashboard")
    logging.getLogger("kafka").setLevel("CRITICAL")  # it logs each failed attempt; NewsReader says it once
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
