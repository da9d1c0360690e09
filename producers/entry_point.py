"""How a service ends when something is wrong: one line for a person, and a code for who started it."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

from producers.errors import AllocastError, FixAndRestart


@contextlib.contextmanager
def exit_codes(program: str) -> Iterator[None]:
    """Ends the process on our own errors: code 2 where a person must change something, else 1.

    >>> with exit_codes("producers"):
    ...     raise FixAndRestart("--speed: expected more than 0, got 0")
    Traceback (most recent call last):
    SystemExit: 2
    """
    try:
        yield
    except AllocastError as error:
        sys.stderr.write(f"{program}: {error}\n")
        sys.exit(2 if isinstance(error, FixAndRestart) else 1)


def told_to_stop() -> threading.Event:
    """Set by SIGTERM and SIGINT, which also end whatever is waited for.

    Loops look at the event, too: the Kafka client swallows what is raised while its own code runs.
    """
    stop = threading.Event()

    def on_signal(*_: object) -> None:
        stop.set()
        sys.exit(0)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return stop
