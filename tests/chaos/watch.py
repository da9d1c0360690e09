"""Reads the online rows all the time and notes every key that went back: in the log or in exchange time."""

from __future__ import annotations

import contextlib
import threading

import redis
from google.protobuf.timestamp_pb2 import Timestamp

from feature_repo.online_store import FENCE_FIELD, VIEW
from producers.settings import Settings

EVERY_S = 0.05


class Watch:
    """A thread with its own connection. Redis may come and go; a row that it forgets has gone back too."""

    def __init__(self, settings: Settings) -> None:
        url = settings.redis_url.get_secret_value()
        self._client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=1)
        self._held: dict[bytes, tuple[bytes, int, int]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.regressed: list[str] = []
        self.samples = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            with contextlib.suppress(redis.RedisError, OSError):
                self._sample()

    def _sample(self) -> None:
        keys = sorted({*self._held, *self._client.scan_iter(count=1000, _type="hash")})
        with self._client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hmget(key, FENCE_FIELD, f"_ts:{VIEW}")
            rows = pipe.execute()
        self.samples += 1
        for key, (fence, time) in zip(keys, rows, strict=True):
            if fence is None or time is None:
                self.note(key, b"", -1, -1)
            else:
                log, _, offset = fence.rpartition(b"/")
                self.note(key, log, int(offset), Timestamp.FromString(time).ToMilliseconds())

    def note(self, key: bytes, log: bytes, offset: int, event_ms: int) -> None:
        """Compare a row with what was held before, and hold it."""
        before = self._held.get(key)
        if before is not None and (log != before[0] or offset < before[1] or event_ms < before[2]):
            self.regressed.append(f"{key!r}: {before} became {(log, offset, event_ms)}")
        self._held[key] = (log, offset, event_ms)
