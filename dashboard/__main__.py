"""`python -O -m dashboard`: the page. -O because Feast's imports are twice as fast without assertions."""

from __future__ import annotations

import logging

import uvicorn

from dashboard.app import create_app
from dashboard.live import Poller
from dashboard.source import LiveSource
from producers.settings import load_settings
from producers.universe import load_universe


def main() -> None:
    """Serve until stopped. Features, model and events are opened behind the page, not before it."""
    settings = load_settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("kafka").setLevel("CRITICAL")  # it logs each failed attempt; NewsReader says it once
    universe = load_universe(settings.universe_file)
    source = LiveSource(settings, universe)
    poller = Poller(source, universe)
    app = create_app(poller)
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


if __name__ == "__main__":
    main()
