"""One process that can be killed, frozen and started again at the same address with the same data."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

GRACE_S = 30.0  # from SIGTERM to SIGKILL


class Server:
    """A child process in whatever state a fault has left it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self.name, self.log, self.ready = name, log, ready
        self._command, self._environment = command, environment
        self._process: subprocess.Popen[bytes] | None = None
        self.wanted = False  # whether it should be running now
        self.starts = 0
        self._changing = threading.Lock()  # a keeper may start what a test is starting or ending

    def start(self) -> None:
        """Start it; `ready` tells when it serves."""
        with self._changing:
            self._start()

    def revive(self) -> bool:
        """Start it when it should run and does not; whether it was started."""
        with self._changing:
            dead = self.wanted and not self.running
            if dead:
                self._start()
            return dead

    def _start(self) -> None:
        self.wanted = True
        self.starts += 1
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, stdout=output, stderr=output, env=self._environment
            )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        assert self._process is not None
        return self._process.poll()

    @property
    def memory_bytes(self) -> int:
        """Resident memory."""
        assert self._process is not None
        pages = Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    @property
    def cpu_s(self) -> float:
        """Processor seconds since its start, in user and in kernel mode."""
        assert self._process is not None
        fields = (
            Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """SIGKILL: no goodbye to anybody."""
        self._end(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM, as a supervisor stops it."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP: alive for the kernel, dead for its peers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on in the middle of whatever it did, hours later for all it knows."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        with self._changing:
            self.wanted = False
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()  # also ends a frozen one
            self._process.wait()
