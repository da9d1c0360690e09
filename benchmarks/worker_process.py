"""The real stream worker as a process: started as `allocast up` starts it, watched from outside."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.loading import Loaded
from benchmarks.services import STOP_S, environment
from launcher.process_table import rss_bytes
from producers import topics
from producers.errors import TryAgain
from producers.kafka_client import client_config
from producers.settings import Settings
from stream_processors.state_version import APP_ID
from stream_processors.watchdog import EXIT_CODE

POLL_S = 0.02
STARTED = b"opened, "  # logged when the first record of a partition reaches the kernel


class WorkerProcess:
    """One worker. Its group's committed offsets say how far it is."""

    def __init__(self, settings: Settings, log_file: Path) -> None:
        self._settings, self._log_file = settings, log_file
        self._child = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        with self._log_file.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-O", "-m", "stream_processors"],
                stdout=log,
                stderr=log,
                env=environment(self._settings),
            )

    @property
    def rss_mib(self) -> float:
        return rss_bytes(self._child.pid) / 2**20

    def kill(self) -> None:
        """SIGKILL: it cannot clean up."""
        self._child.kill()
        self._child.wait()

    def stop(self) -> None:
        """Ctrl-C, and SIGKILL when that takes too long."""
        self._child.send_signal(signal.SIGINT)
        try:
            self._child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def wait_started(self, deadline_s: float = 240.0) -> float:
        """`time.perf_counter()` of the moment when it began to apply records."""

        def applies() -> bool:
            if (
                self._child.poll() == EXIT_CODE
            ):  # its consumer stalled at the start; a supervisor does the same
                self._child = self._started()
            return STARTED in self._log_file.read_bytes()

        return self._until(applies, deadline_s, "begin")

    def wait_readable(self, loaded: Loaded, deadline_s: float = 300.0) -> float:
        """`time.perf_counter()` of the moment when the rows online contain the last record of each partition."""
        from feature_repo.online_store import FencedRedisOnlineStore
        from feature_repo.store import load_config

        config, store = load_config(self._settings), FencedRedisOnlineStore()
        waiting = dict(loaded.last_symbol)

        def all_readable() -> bool:
            for partition, symbol in list(waiting.items()):
                held = store.fence(config, symbol)
                if held is None or held[1] < loaded.ends[partition] - 1:
                    return False
                del waiting[partition]
            return True

        return self._until(all_readable, deadline_s, "write its rows")

    def wait_acknowledged(self, ends: dict[int, int], deadline_s: float = 300.0) -> float:
        """`time.perf_counter()` of the moment when every record before these offsets was acknowledged."""
        from kafka.admin import KafkaAdminClient

        from producers.group_offsets import committed

        admin: Any = KafkaAdminClient(**client_config(self._settings))

        def all_acknowledged() -> bool:
            held = committed(admin, APP_ID, topics.TICKS, list(ends))
            return all(held.get(partition, 0) >= end for partition, end in ends.items())

        try:
            return self._until(all_acknowledged, deadline_s, "finish")
        finally:
            admin.close()

    def _until(self, condition: Any, deadline_s: float, what: str) -> float:
        deadline = time.perf_counter() + deadline_s
        while time.perf_counter() < deadline:
            if condition():
                return time.perf_counter()
            if self._child.poll() is not None:
                break
            time.sleep(POLL_S)
        tail = self._log_file.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise TryAgain(f"the worker did not {what} within {deadline_s:.0f} s:\n{tail}")


@contextlib.contextmanager
def worker(settings: Settings) -> Iterator[WorkerProcess]:
    """A worker for as long as the block runs."""
    own = WorkerProcess(settings, settings.state_dir / f"worker-{time.monotonic_ns()}.log")
    try:
        yield own
    finally:
        own.stop()
