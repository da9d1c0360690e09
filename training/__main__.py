"""`python -m training`: the retraining service."""

from __future__ import annotations

import fcntl
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from producers import heap, logs, metrics, topics
from producers.entry_point import exit_codes
from producers.errors import TryAgain
from producers.settings import Settings, load_settings, writable
from producers.universe import load_universe
from producers.waiting import topic_id, until

log = logging.getLogger("training")

TOPICS = (topics.REQUESTS, topics.FEATURES, topics.MODEL_EVENTS, topics.FORECASTS)


@contextmanager
def only_one(settings: Settings, should_stop: Callable[[], bool]) -> Iterator[None]:
    """Hold the lock of the state folder; wait while another service holds it."""
    with (writable(settings.state_dir) / "training.lock").open("w") as lock:
        said = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not said:
                    log.warning("another training service uses %s; waiting for it to end", settings.state_dir)
                    said = True
                if should_stop():
                    raise TryAgain("stopped while waiting for another training service") from None
                time.sleep(0.5)
        yield


def main() -> int:
    """Entry point: runs until it is told to stop."""
    stopping = False

    def on_signal(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    with exit_codes("training"):
        settings = load_settings()
        logs.configure(settings, "training")
        heap.keep_small()
        metrics.serve(settings, "training")
        universe = load_universe(settings.universe_file)
        with only_one(settings, lambda: stopping):
            for topic in TOPICS:
                until(partial(topic_id, settings, topic), settings, log)
            from training.service import Service

            service = Service(settings, universe)
            metrics.READY.labels("training").set(1)  # it knows what was forecast and answered before
            service.run(lambda: stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main())
