"""Beside a simulated market: is Yahoo there again? Going over is offered, and done by a person alone."""

from __future__ import annotations

import logging
import threading

from producers.yahoo_client import answers

log = logging.getLogger("producers")

OFFER_EVERY_S = 60.0
OFFERED = (
    "Yahoo answers: for live prices stop, then `allocast up --feed yahoo`; feeds are never mixed, so a Kafka that keeps"
    " its log refuses that: it needs a new log, of another broker or another --state-dir"
)


class OfferYahoo:
    """Asks now and then whether Yahoo is there again; changing markets is a person's decision."""

    def __init__(self, every_s: float = OFFER_EVERY_S) -> None:
        self._every_s = every_s
        self._words = ""
        self._stopped = threading.Event()
        threading.Thread(target=self._look, name="offer", daemon=True).start()

    def words(self) -> str:
        """What is offered; empty while Yahoo does not answer."""
        return self._words

    def stop(self) -> None:
        """Ask no more."""
        self._stopped.set()

    def _look(self) -> None:
        while not self._stopped.wait(self._every_s):
            offered = OFFERED if answers() else ""
            if offered and not self._words:
                log.info(offered)
            self._words = offered
