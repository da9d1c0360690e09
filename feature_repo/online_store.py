"""The online store: Feast's Redis store with a bulk writer and a fence.

Feast's own write path costs 0.3-0.4 ms a row (pandas, protobuf objects, hashing of every field name) and
compares timestamps in a separate round trip, so two writers can interleave. Here names and keys are
computed once, values are encoded as protobuf bytes directly, and one Lua call per row compares the source
offset and writes, atomically. The layout is Feast's own, so every stock read works; a contract test reads
each value back through stock `get_online_features`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import Any, Literal

from feast import RepoConfig
from feast.infra.online_stores.helpers import _mmh3, _redis_key
from feast.infra.online_stores.redis import RedisOnlineStore, RedisOnlineStoreConfig
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp

from feature_repo.features import FEATURES
from feature_repo.online_store_row import OnlineRow

VIEW = "asset_features"
FENCE_FIELD = "_source"  # beside Feast's fields, which its readers ask for by name

# KEYS[1]: the entity. ARGV: identity of the log, offset, then field, value, field, value, ...
# A row from the same log is written only when its offset is higher, so a worker that lost its partition
# cannot put an older value back. Another log (the topic was made anew) starts over.
WRITE_IF_NEWER = f"""
local held = redis.call('HGET', KEYS[1], '{FENCE_FIELD}')
if held then
  local log, offset = string.match(held, '^(.*)/(%-?%d+)$')
  if log == ARGV[1] and tonumber(offset) >= tonumber(ARGV[2]) then return 0 end
end
redis.call('HSET', KEYS[1], '{FENCE_FIELD}', ARGV[1] .. '/' .. ARGV[2], unpack(ARGV, 3))
return 1
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
        self._fields = [_mmh3(f"{VIEW}:{feature.name}") for feature in FEATURES]
        self._encode = [_ENCODERS[feature.dtype] for feature in FEATURES]
        self._keys: dict[str, bytes] = {}
        self._script: Any = None

    def write_rows(self, config: RepoConfig, rows: Sequence[OnlineRow]) -> int:
        """Write rows in one pipeline. Returns how many were newer than what was held.

        Raises redis.RedisError when the store does not answer; writing the same rows again is harmless.
        """
        client = self._get_client(config.online_store)
        if self._script is None:
            self._script = client.register_script(WRITE_IF_NEWER)
        with client.pipeline(transaction=False) as pipe:
            for row in rows:
                arguments: list[bytes | str | int] = [row.log, row.offset]
                for field, encode, value in zip(self._fields, self._encode, row.values, strict=True):
                    arguments += (field, b"" if value is None else encode(value))
                arguments += (f"_ts:{VIEW}", _timestamp(row.event_ms))
                self._script(keys=[self._key(config, row.symbol)], args=arguments, client=pipe)
            written: list[int] = pipe.execute()
        return sum(written)

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


def _varint(number: int) -> bytes:
    """Base-128 encoding of a non-negative integer, as protobuf writes lengths."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _double(value: Any) -> bytes:
    # Feast reads NaN back as null anyway; storing null says so.
    return b"" if math.isnan(value) else _DOUBLE_TAG + struct.pack("<d", value)


def _double_list(values: Any) -> bytes:
    raw = struct.pack(f"<{len(values)}d", *values)
    inner = _PACKED_TAG + _varint(len(raw)) + raw
    return _LIST_TAG + _varint(len(inner)) + inner


def _tag(name: str, wire_type: int) -> bytes:
    """Protobuf tag of a Value field, from Feast's own schema."""
    return _varint(Value.DESCRIPTOR.fields_by_name[name].number << 3 | wire_type)


_DOUBLE_TAG = _tag("double_val", 1)
_LIST_TAG = _tag("double_list_val", 2)
_PACKED_TAG = b"\x0a"  # DoubleList.val, field 1, packed
_ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "float64": _double,
    "float64_list": _double_list,
    "int64": lambda value: Value(int64_val=value).SerializeToString(),
    "string": lambda value: Value(string_val=value).SerializeToString(),
}


def _timestamp(event_ms: int) -> bytes:
    return bytes(Timestamp(seconds=event_ms // 1000, nanos=event_ms % 1000 * 1_000_000).SerializeToString())
