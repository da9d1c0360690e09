"""`allocast up` for the time of a benchmark, as a person starts it, from an empty state folder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from producers.errors import TryAgain

T = TypeVar("T")

DEADLINE_S = 600.0
LOOK_S = 0.1


@dataclass(frozen=True)
class WholeSystem:
    """A running `allocast up`; until its block ends the settings of this process are its own."""

    folder: Path
    process: subprocess.Popen[bytes]

    def wait_for(
        self,
        look: Callable[[], T | None],
        what: str,
        deadline_s: float = DEADLINE_S,
        every_s: float = LOOK_S,
    ) -> T:
        """Look until there is something, and return it. Raises TryAgain when it takes too long or the system ended."""
        deadline = time.perf_counter() + deadline_s
        while not (found := look()):
            if self.process.poll() is not None or time.perf_counter() > deadline:
                said = (self.folder / "up.log").read_text()[-2000:]
                raise TryAgain(f"no sign of {what} within {deadline_s:g} s:\n{said}")
            time.sleep(every_s)
        return found


@contextlib.contextmanager
def allocast_up(*arguments: str) -> Iterator[WholeSystem]:
    """Start it on a free port, end it by Ctrl-C."""
    with tempfile.TemporaryDirectory(prefix="allocast-bench-") as name:
        folder = Path(name)
        command = [sys.executable, "-m", "launcher.cli", "up", "--state-dir", name, "--port", "0", *arguments]
        with (folder / "up.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        before = os.environ.get("ALLOCAST_STATE_DIR")
        os.environ["ALLOCAST_STATE_DIR"] = name
        try:
            yield WholeSystem(folder, process)
        finally:
            if before is None:
                del os.environ["ALLOCAST_STATE_DIR"]
            else:
                os.environ["ALLOCAST_STATE_DIR"] = before
            process.send_signal(signal.SIGINT)
            process.wait(60)
