"""What a soak observes while it runs: memory of every process, freshness of rows, lag."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import redis

from feature_repo.online_script import FENCE_FIELD
from tests.chaos.server import Server

LOOK_S = 0.1
MEMORY_EVERY_S = 5.0
ENOUGH_S = 600.0
WARM_UP = 0.25  # share of a process's life in which its memory may grow: caches, arenas, first snapshots


@dataclass
class Observed:
    """memory: (process, start number) -> [(s, bytes)]. gap_s: longest time without a newer row, of each watched row."""

    memory: dict[tuple[str, int], list[tuple[float, int]]] = field(default_factory=dict)
    gap_s: dict[str, float] = field(default_factory=dict)
    most_behind: int = 0
    cpu_s: dict[tuple[str, int], float] = field(default_factory=dict)  # of each life, as last seen

    def slopes(self) -> dict[str, float]:
        """MiB per hour of the longest life of each process, by least squares, after its warm-up.

        A life that was shorter than ENOUGH_S after that is left out: it shows caches that fill.
        """
        longest: dict[str, list[tuple[float, int]]] = {}
        for (name, _), samples in self.memory.items():
            longest[name] = max(longest.get(name, []), samples, key=len)
        found = {}
        for name, samples in longest.items():
            warm = np.array(samples[int(len(samples) * WARM_UP) :], dtype=np.float64)
            if len(warm) >= 3 and warm[-1, 0] - warm[0, 0] >= ENOUGH_S:
                found[name] = float(np.polyfit(warm[:, 0] / 3600, warm[:, 1] / 2**20, 1)[0])
        return found

    def processors(self, seconds: float) -> dict[str, float]:
        """Processors that each process kept busy, its starts included."""
        used: dict[str, float] = {}
        for (name, _), cpu_s in self.cpu_s.items():
            used[name] = used.get(name, 0.0) + cpu_s / seconds
        return used

    def largest(self) -> dict[str, float]:
        """Most memory of each process, MiB."""
        most: dict[str, float] = {}
        for (name, _), samples in self.memory.items():
            most[name] = max(most.get(name, 0.0), max(size for _, size in samples) / 2**20)
        return most


class Watching:
    """A thread that looks until it is stopped."""

    def __init__(
        self,
        servers: Callable[[], Iterable[Server]],
        redis_url: str,
        rows: Mapping[str, bytes],
        behind: Callable[[], int | None],
    ) -> None:
        """rows : name -> Redis key; behind : records that are not acknowledged, None when nobody can say."""
        self._servers, self._rows, self._behind = servers, dict(rows), behind
        self._redis = redis.Redis.from_url(redis_url, socket_timeout=2)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)
        self._error: Exception | None = None
        self._moved: dict[
            str, tuple[bytes | None, float]
        ] = {}  # the newest fence of each row, and since when
        self.seen = Observed()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> Observed:
        """What was seen. Raises what ended the looking before its time."""
        self._stopping.set()
        self._thread.join()
        self._redis.close()
        if self._error is not None:
            raise self._error
        return self.seen

    def _run(self) -> None:
        began = next_look = time.monotonic()
        try:
            while not self._stopping.wait(LOOK_S):
                now = time.monotonic()
                self._look_at_rows(now)
                if now >= next_look:
                    next_look = now + MEMORY_EVERY_S
                    self.seen.most_behind = max(self.seen.most_behind, self._behind() or 0)
                    self._look_at_processes(now - began)
        except Exception as error:
            self._error = error

    def _look_at_rows(self, now: float) -> None:
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                for key in self._rows.values():
                    pipe.hget(key, FENCE_FIELD)
                fences = pipe.execute()
        except redis.RedisError:
            return  # a row that nobody can read is not fresh either: its gap goes on
        for name, fence in zip(self._rows, fences, strict=True):
            before, since = self._moved.setdefault(name, (fence, now))
            if fence != before:
                self._moved[name] = (fence, now)
            self.seen.gap_s[name] = max(self.seen.gap_s.get(name, 0.0), now - since)

    def _look_at_processes(self, at_s: float) -> None:
        for server in self._servers():
            life = (server.name, server.starts)
            try:
                size, cpu_s = server.memory_bytes, server.cpu_s
            except OSError:
                continue  # it has just ended
            if server.running and server.starts == life[1]:
                self.seen.memory.setdefault(life, []).append((at_s, size))
                self.seen.cpu_s[life] = cpu_s
