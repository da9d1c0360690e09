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

from feast import RepoConfig
from feast.infra.online_stores.helpers import _mmh3, _redis_key
from feast.infra.online_stores.redis import RedisOnlineStore, RedisOnlineStoreConfig
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from redis import RedisCluster
from redis.exceptions import ConnectionError, MovedError, NoScriptError

from feature_repo.features import FEATURES
from feature_repo.online_rows import SOURCE_OFFSET, OnlineRows
from feature_repo.online_script import FENCE_FIELD, VIEW, WRITE_IF_NEWER

Call = tuple[list[bytes], list[bytes | str | int]]  # keys and arguments of the script

ROWS_PER_CALL = 64  # a script is not interrupted: 64 rows hold Redis up for about 2 ms


class FencedRedisOnlineStoreConfig(RedisOnlineStoreConfig):  # type: ignore[misc]  # feast ships no types
    """Feast's Redis settings; `type` names this class."""

    type: Literal["feature_repo.online_store.FencedRedisOnlineStore"] = (
        "feature_repo.online_store.FencedRedisOnlineStore"
    )


class FencedRedisOnlineStore(RedisOnlineStore):  # type: ignore[misc]  # feast ships no types
    """Reads are Feast's. `write_rows` is the hot path of the stream worker."""

    def __init__(self) -> None:
        super().__init__()
        self._encoder: Any = None
        self._keys: dict[str, bytes] = {}
        self._sha = ""

    def write_rows(self, config: RepoConfig, batches: Sequence[OnlineRows]) -> int:
        """Write rows in one pipeline. Returns how many were newer than what was held.

        Raises redis.RedisError when the store does not answer, or was started again since the last call and may
        have lost rows; writing the same rows again is harmless.
        """
        client = self._get_client(config.online_store)
        # A script sees one machine's keys: with a cluster, one row per call.
        step = 1 if isinstance(client, RedisCluster) else ROWS_PER_CALL
        calls: list[Call] = []
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
        except NoScriptError as error:
            self._sha = ""
            raise ConnectionError("Redis was started again, its newest writes may be lost") from error

    def _run(self, client: Any, calls: Sequence[Call]) -> int:
        if isinstance(client, RedisCluster):
            return self._run_on_nodes(client, calls)
        with client.pipeline(transaction=False) as pipe:
            for keys, arguments in calls:
                pipe.evalsha(self._sha, len(keys), *keys, *arguments)
            written: list[int] = pipe.execute()
        return sum(written)

    def _run_on_nodes(self, cluster: Any, calls: Sequence[Call]) -> int:
        """One pipeline per node: redis-py's pipeline over a cluster refuses scripts."""
        of_node: dict[str, list[Call]] = {}
        for call in calls:
            of_node.setdefault(cluster.get_node_from_key(call[0][0]).name, []).append(call)
        written = 0
        try:
            for name, part in of_node.items():
                written += self._run(cluster.get_redis_connection(cluster.get_node(node_name=name)), part)
        except (MovedError, ConnectionError):
            # Keys have moved, or a replica has taken over: the next attempt asks who holds what.
            cluster.nodes_manager.initialize()
            raise
        return written

    def _encode(self, rows: OnlineRows) -> list[bytes]:
        if self._encoder is None:
            from feature_repo.row_encoder import RowEncoder  # compiled code, which readers do without

            self._encoder = RowEncoder({f.name: _mmh3(f"{VIEW}:{f.name}") for f in FEATURES})
        encoded: list[bytes] = self._encoder.encode(rows)
        return encoded

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
