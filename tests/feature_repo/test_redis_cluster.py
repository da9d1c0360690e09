"""A Redis Cluster of three behind Feast: rows are spread over its nodes, behind the same fence."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from feature_repo.online import FeastReader
from feature_repo.store import check_redis
from launcher import embedded_redis
from launcher.free_port import LOOPBACK, free_ports
from producers.settings import Settings, load_settings
from tests.feature_repo.test_stores import online_row, same, settings, write
from tests.services import running, until
from tests.stubs import row

NODES = 3
SYMBOLS = [f"SYM{number}" for number in range(30)]

__all__ = ["settings"]  # the fixture whose registry is used here


@pytest.fixture(scope="module")
def clustered(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings that name one node of a new cluster."""
    client = shutil.which("redis-cli")
    if client is None or shutil.which("redis-server") is None:
        pytest.skip("redis-cli and redis-server are not installed (apt-get install redis-server)")
    ports = [port for port in free_ports(12) if port < 55_000][:NODES]  # the bus listens 10,000 above
    if len(ports) < NODES:
        pytest.skip("no three free ports below 55000")
    with ExitStack() as nodes:
        for port in ports:
            folder = tmp_path_factory.mktemp(f"node-{port}")
            command = (*embedded_redis.command(folder, port), "--cluster-enabled", "yes")
            nodes.enter_context(running(command, port, folder / "log"))
        addresses = [f"{LOOPBACK}:{port}" for port in ports]
        subprocess.run(
            [client, "--cluster", "create", *addresses, "--cluster-yes"], check=True, capture_output=True
        )

        def agreed() -> bool:
            states = [redis_info(port).get("cluster_state") for port in ports]
            return states == ["ok"] * NODES

        until(agreed, "every node knows the cluster")
        yield load_settings(
            redis_url=f"redis://{addresses[0]}/0", redis_cluster=True, state_dir=settings.state_dir
        )


def redis_info(port: int) -> dict[str, str]:
    with redis.Redis(LOOPBACK, port, protocol=2, decode_responses=True) as client:
        found: dict[str, str] = client.cluster("info")  # type: ignore[no-untyped-call]
        return found


def test_rows_are_spread_written_once_and_read_back_bit_for_bit(clustered: Settings) -> None:
    check_redis(clustered)
    rows = {symbol: row(symbol, source_offset=7) for symbol in SYMBOLS}
    batches = [online_row(one, offset=7) for one in rows.values()]
    assert write(clustered, *batches) == len(SYMBOLS)
    found = FeastReader(clustered).read(SYMBOLS)
    assert all(same(found[symbol], rows[symbol]) for symbol in SYMBOLS)
    held = {node: size for node, size in sizes(clustered).items() if size}
    assert len(held) == NODES, "the rows are not spread"
    assert sum(held.values()) == len(SYMBOLS)


def test_the_fence_holds_on_every_node(clustered: Settings) -> None:
    older = [online_row(row(symbol, values={"price": 1.0}), offset=3) for symbol in SYMBOLS]
    assert write(clustered, *older) == 0
    newer = [online_row(row(symbol, values={"price": 2.0}), offset=8) for symbol in SYMBOLS]
    assert write(clustered, *newer) == len(SYMBOLS)
    prices = {one.values["price"] for one in FeastReader(clustered).read(SYMBOLS).values()}
    assert prices == {2.0}


def test_the_shipped_users_may_do_their_work_on_every_node(clustered: Settings) -> None:
    users = (Path(__file__).parents[2] / "deploy/redis/users.acl").read_text(encoding="utf-8").splitlines()
    url = clustered.redis_url.get_secret_value()
    with redis.RedisCluster.from_url(url, protocol=2) as admin:
        for node in admin.get_primaries():
            with redis.Redis(node.host, node.port, protocol=2) as one:
                for line in users:
                    _, name, *rules = line.split()
                    if name != "default":
                        one.execute_command("ACL", "SETUSER", name, "reset", *rules)

    def by(user: str) -> Settings:
        return load_settings(
            redis_url=url,
            redis_cluster=True,
            redis_username=f"allocast-{user}",
            redis_password=f"@{user}@",
            state_dir=clustered.state_dir,
        )

    rows = {symbol: row(symbol, source_offset=9) for symbol in SYMBOLS}
    check_redis(by("worker"))
    assert write(by("worker"), *[online_row(one, offset=9) for one in rows.values()]) == len(SYMBOLS)
    found = FeastReader(by("reader")).read(SYMBOLS)
    assert all(same(found[symbol], rows[symbol]) for symbol in SYMBOLS)


def sizes(clustered: Settings) -> dict[str, int]:
    url = clustered.redis_url.get_secret_value()
    with redis.RedisCluster.from_url(url, protocol=2) as client:
        return {node.name: int(client.dbsize(target_nodes=node)) for node in client.get_primaries()}
