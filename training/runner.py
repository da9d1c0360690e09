"""The child process that trains: started early, given one request, watched until it ends."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from typing import IO, cast

import msgspec

from producers.request import TrainingRequest, encode_request
from training.events import SHADOW, ModelEvent, event

log = logging.getLogger("training")

TIMEOUT_S = 30 * 60.0


class Runner:
    """At most one training. A child waits with its slow imports done, so the first model comes early."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._child: subprocess.Popen[bytes] | None = self._start()
        self._request: TrainingRequest | None = None
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._reader: threading.Thread | None = None
        self._started = 0.0
        self._told_final = False
        self.peak_rss_kib = 0

    @property
    def busy(self) -> bool:
        return self._request is not None

    def begin(self, request: TrainingRequest) -> None:
        """Hand a request to the waiting child."""
        if self._child is None or self._child.poll() is not None:
            self._child = self._start()
        self._request, self._started, self._told_final = request, time.monotonic(), False
        stdin = cast(IO[bytes], self._child.stdin)
        stdin.write(encode_request(request) + b"\n")
        stdin.flush()  # and stays open: its end tells the child that we are gone
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(self._child, self._lines), daemon=True)
        self._reader.start()

    def events(self) -> list[ModelEvent]:
        """What the child told since the last call; ends with a final event exactly once per request."""
        if self._request is None:
            return []
        told: list[ModelEvent] = []
        with contextlib.suppress(queue.Empty):
            while True:
                line = self._lines.get_nowait()
                if line is None:
                    told += self._ended()
                    break
                try:
                    message = msgspec.json.decode(line, type=ModelEvent)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue  # a library printed something that begins like an event
                self._told_final |= message.final or message.kind == SHADOW  # the service judges it later
                told.append(message)
        if self._request is not None and time.monotonic() - self._started > self._timeout_s:
            log.error("training exceeded %.0f s; killing it", self._timeout_s)
            self.stop()
            told += self._ended(f"took longer than {self._timeout_s:.0f} s")
        return told

    def _ended(self, why: str = "") -> list[ModelEvent]:
        request, child = self._request, self._child
        if request is None or child is None:
            return []
        _, status, usage = os.wait4(child.pid, 0) if child.returncode is None else (0, 0, None)
        if usage is not None:
            self.peak_rss_kib = usage.ru_maxrss
            child.returncode = os.waitstatus_to_exitcode(status)
        for pipe in (child.stdin, child.stdout):
            cast(IO[bytes], pipe).close()
        seconds = time.monotonic() - self._started
        log.info("training ended after %.0f s, peak memory %.0f MiB", seconds, self.peak_rss_kib / 1024)
        self._request, self._child = None, None
        if self._told_final:
            return []
        detail = why or f"the training process ended with code {child.returncode} before it was done"
        return [event("failed", request.reason, request.idempotency_key, detail=detail, final=True)]

    def stop(self) -> None:
        """End the child, whatever it does."""
        if self._child is not None and self._child.returncode is None:
            self._child.kill()

    def close(self) -> None:
        """End the child and its pipes."""
        self.stop()
        if self._reader is not None:
            self._reader.join()
        if self._child is not None:
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                cast(IO[bytes], pipe).close()

    @staticmethod
    def _start() -> subprocess.Popen[bytes]:
        flags = ["-O"] if sys.flags.optimize else []
        return subprocess.Popen(
            [sys.executable, *flags, "-m", "training.job"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    @staticmethod
    def _read(child: subprocess.Popen[bytes], lines: queue.Queue[bytes | None]) -> None:
        for line in cast(IO[bytes], child.stdout):
            if line.startswith(b"{"):
                lines.put(line)
        lines.put(None)
