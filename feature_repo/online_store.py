"""The online store: Feast's Redis store with a bulk writer and a fence.

Feast's own write path costs 0.3-0.4 ms a row (pandas, protobuf objects, hashing of every field name) and
compares timestamps in a separate round trip, so two writers can interleave. Here names and keys are
computed once, compiled code writes the values, and a script compares the source offset and writes,
atomically, for many rows at a time. The layout is Feast's own, so every stock read works; a contract test
reads each value back through stock `get_online_features` and through Feast's feature server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from feast import RepoConfig
from feast.infra.online_stores.helpers import _mmh3, _redis_key
from feast.infra.online_stores.redis import RedisOnlineStore, RedisOnlineStoreConfig
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from redis import RedisCluster
from redis.exceptions import NoScriptError

from feature_repo.features import FEATURES, NUMERIC, PROVENANCE, ROW_SIZE, WINDOW_SIZE, spec_hash
from feature_repo.online_encoding import encode_numbers, max_size, script_format, string, timestamp
from feature_repo.online_rows import EVENT_MS, INTEGERS, SOURCE_OFFSET, OnlineRows

VIEW = "asset_features"
FENCE_FIELD = "_source"  # beside Feast's fields, which its readers ask for by name
ROWS_PER_CALL = 64  # a script is not interrupted: 64 rows hold Redis up for about 2 ms

_STRINGS = len(PROVENANCE) - len(INTEGERS)

# KEYS: entities. ARGV[1]: identity of the log; then offset and encoded row of each.
# A row from the same log is written only when its offset is higher, so a worker that lost its partition
# cannot put an older value back. Another log (the topic was made anew, another feature spec) starts over.
# struct.unpack also returns where it stopped, which is the row's last value here: `#row` cuts it off.
WRITE_IF_NEWER = f"""
local written = 0
for i = 1, #KEYS do
  local held, offset, newer = redis.call('HGET', KEYS[i], '{FENCE_FIELD}'), ARGV[2 * i], true
  if held then
    local log, at = string.match(held, '^(.*)/(%-?%d+)$')
    newer = log ~= ARGV[1] or tonumber(at) < tonumber(offset)
  end
  if newer then
    local row = {{struct.unpack('{script_format(len(NUMERIC), len(INTEGERS), _STRINGS)}', ARGV[2 * i + 1])}}
    redis.call('HSET', KEYS[i], '{FENCE_FIELD}', ARGV[1] .. '/' .. offset, unpack(row, 1, #row - 2))
    redis.call('HSET', KEYS[i], '_ts:{VIEW}', row[#row - 1])
    written = written + 1
  end
end
return written
"""


class FencedRedisOnlineStoreConfig(RedisOnlineStoreConfig):  # type: ignore[misc]  # feast ships no types
    """Feast's Redis settings; `type` names this class."""

    type: Literal["feature_repo.online_store.FencedRedisOnlineStore"] = (
        "feature_repo.online_store.FencedRedisOnlineStore"
    )


class FencedRedisOnlineStore(RedisOnlineStore):  # type: ignore[misc]  # feast ships no types
    """Reads are Feast's. `write_rows` is the hot path of the stream worker."""

    def __init__(self) -> None:
        super().__init__()
        fields = {feature.name: _mmh3(f"{VIEW}:{feature.name}") for feature in FEATURES}
        order = [*(feature.name for feature in NUMERIC), "window", *INTEGERS]
        self._names = np.array([list(fields[name]) for name in order], dtype=np.uint8)
        self._feed_name = fields["feed"]
        self._spec = string(fields["spec_hash"], spec_hash())
        self._feeds: dict[str, bytes] = {}
        self._keys: dict[str, bytes] = {}
        self._sha = ""

    def write_rows(self, config: RepoConfig, batches: Sequence[OnlineRows]) -> int:
        """Write rows in one pipeline. Returns how many were newer than what was held.

        Raises redis.RedisError when the store does not answer; writing the same rows again is harmless.
        """
        client = self._get_client(config.online_store)
        # A script sees one machine's keys: with a cluster, one row per call.
        step = 1 if isinstance(client, RedisCluster) else ROWS_PER_CALL
        calls: list[tuple[list[bytes], list[bytes | str | int]]] = []
        for rows in batches:
            encoded = self._encode(rows)
            for start in range(0, len(rows), step):
                part = range(start, min(start + step, len(rows)))
                arguments: list[bytes | str | int] = [rows.log]
                for i in part:
                    arguments += (int(rows.integers[i, SOURCE_OFFSET]), encoded[i])
                calls.append(([self._key(config, rows.symbols[i]) for i in part], arguments))
        if not self._sha:
            self._sha = client.script_load(WRITE_IF_NEWER)
        try:
            return self._run(client, calls)
        except NoScriptError:  # Redis was started again
            client.script_load(WRITE_IF_NEWER)
            return self._run(client, calls)

    def _run(self, client: Any, calls: Sequence[tuple[list[bytes], list[bytes | str | int]]]) -> int:
        with client.pipeline(transaction=False) as pipe:
            for keys, arguments in calls:
                pipe.evalsha(self._sha, len(keys), *keys, *arguments)
            written: list[int] = pipe.execute()
        return sum(written)

    def _encode(self, rows: OnlineRows) -> list[bytes]:
        """The script's argument for each row."""
        n = len(rows)
        out = np.empty(n * max_size(len(NUMERIC), WINDOW_SIZE, len(INTEGERS)), dtype=np.uint8)
        ends = np.empty(n, dtype=np.int64)
        values = np.ascontiguousarray(rows.rows, dtype="<f8")
        raw = values.view(np.uint8).reshape(n, 8 * ROW_SIZE)
        encode_numbers(values, raw, rows.integers, len(NUMERIC), self._names, out, ends)
        buffer, starts = out[: ends[-1]].tobytes() if n else b"", [0, *ends.tolist()]
        return [
            b"".join(
                (
                    buffer[starts[i] : starts[i + 1]],
                    self._feed(rows.feeds[i]),
                    self._spec,
                    timestamp(int(rows.integers[i, EVENT_MS])),
                )
            )
            for i in range(n)
        ]

    def _feed(self, name: str) -> bytes:
        field = self._feeds.get(name)
        if field is None:
            field = self._feeds[name] = string(self._feed_name, name)
        return field

    def fence(self, config: RepoConfig, symbol: str) -> tuple[str, int] | None:
        """Identity of the log and offset that the held row contains; None when there is no row."""
        held = self._get_client(config.online_store).hget(self._key(config, symbol), FENCE_FIELD)
        if held is None:
            return None
        log, _, offset = held.decode().rpartition("/")
        return log, int(offset)

    def _key(self, config: RepoConfig, symbol: str) -> bytes:
        key = self._keys.get(symbol)
        if key is None:
            entity = EntityKey(join_keys=["symbol"], entity_values=[Value(string_val=symbol)])
            key = self._keys[symbol] = _redis_key(
                config.project, entity, config.entity_key_serialization_version
            )
        return key
