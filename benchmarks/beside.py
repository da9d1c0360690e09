"""Load generator and probe: processes that say `ready`, start at a moment they are told, and end with a result."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.services import environment, stop
from producers.errors import TryAgain
from producers.settings import Settings

LEAD_S = 1.0  # between telling the start time and the start
LOAD, PROBE = "benchmarks.load_generator", "benchmarks.probe"


@contextmanager
def beside(
    settings: Settings, modules: Sequence[str], rate: float, seconds: float, symbols: int
) -> Iterator[list[subprocess.Popen[str]]]:
    """The processes, started together on one schedule; what still runs at the end of the block is stopped.

    Raises TryAgain when one of them does not get ready.
    """
    schedule = ["--rate", str(rate), "--seconds", str(seconds), "--symbols", str(symbols)]
    children = [
        subprocess.Popen(
            [sys.executable, "-O", "-W", "ignore", "-m", module, *schedule],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(settings),
        )
        for module in modules
    ]
    try:
        for module, child in zip(modules, children, strict=True):
            if child.stdout is None or child.stdout.readline() != "ready\n":
                raise TryAgain(f"{module} did not start")
        at_s = time.time() + LEAD_S
        for child in children:
            if child.stdin is not None:
                child.stdin.write(f"{at_s}\n")
                child.stdin.flush()
        yield children
    finally:
        for child in children:
            stop(child)
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()
