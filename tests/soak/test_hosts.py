"""Workers on two hosts, as far as one machine can: each in a network namespace, joined by a bridge; one cable is cut."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from feature_repo.apply import apply
from launcher import apache_kafka, embedded_redis
from launcher.create_topics import ensure_topics
from launcher.free_port import answers, free_ports
from launcher.parity import verify
from producers import topics
from producers.kafka_client import client_config
from producers.publisher import Framer, Publisher
from producers.settings import load_settings
from producers.universe import load_universe
from stream_processors.state_version import APP_ID
from tests.chaos.cluster import universe_of
from tests.chaos.server import Server
from tests.services import kafka_jars, until
from tests.soak.steady_load import SteadyLoad

NET, HOSTS, PARTITIONS = "10.213.7", 2, 6


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def bridged() -> Iterator[list[str]]:
    """Names of two namespaces with addresses .11 and .12; this machine is .1. Skips where that is not allowed."""
    names = [f"alc{number}" for number in range(HOSTS)]
    with ExitStack() as undo:
        try:
            ip("link", "add", "alcbr", "type", "bridge")
            undo.callback(ip, "link", "del", "alcbr")
            ip("addr", "add", f"{NET}.1/24", "dev", "alcbr")
            ip("link", "set", "alcbr", "up")
            for number, name in enumerate(names):
                ip("netns", "add", name)
                undo.callback(ip, "netns", "del", name)
                ip("link", "add", f"{name}h", "type", "veth", "peer", "name", f"{name}n", "netns", name)
                ip("link", "set", f"{name}h", "master", "alcbr", "up")
                ip("-n", name, "addr", "add", f"{NET}.{11 + number}/24", "dev", f"{name}n")
                ip("-n", name, "link", "set", f"{name}n", "up")
                ip("-n", name, "link", "set", "lo", "up")
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"network namespaces are not allowed here: {getattr(error, 'stderr', error)!r}")
        yield names


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_workers_on_two_hosts_and_one_that_is_cut_off(tmp_path: Path) -> None:
    jars = kafka_jars()
    kafka_port, controller, redis_port = free_ports(3)
    universe_file = tmp_path / "universe.toml"
    universe_file.write_text(universe_of(60), encoding="utf-8")
    home = tmp_path / "kafka"
    properties = apache_kafka._properties(home / "data", kafka_port, controller).replace(
        f"PLAINTEXT://127.0.0.1:{kafka_port}", f"PLAINTEXT://{NET}.1:{kafka_port}"
    )
    settings = load_settings(
        kafka_bootstrap_servers=f"{NET}.1:{kafka_port}",
        redis_url=f"redis://:pass@{NET}.1:{redis_port}/0",
        state_dir=tmp_path / "state",
        universe_file=universe_file,
        partitions=PARTITIONS,
        kafka_session_s=6.0,
    )
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "ALLOCAST_STATE_DIR": str(settings.state_dir),
        "ALLOCAST_UNIVERSE_FILE": str(universe_file),
        "ALLOCAST_PARTITIONS": str(PARTITIONS),
        "ALLOCAST_KAFKA_SESSION_S": "6",
    }
    store = (*embedded_redis.command(tmp_path, redis_port), "--bind", f"{NET}.1", "--requirepass", "pass")
    with bridged() as hosts, ExitStack() as running:
        servers = [
            Server("kafka", apache_kafka.start(home, properties, cache=jars), tmp_path / "kafka.log"),
            Server("redis", store, tmp_path / "redis.log"),
        ]
        worker = (sys.executable, "-O", "-m", "stream_processors")
        workers = [
            Server(name, ("ip", "netns", "exec", name, *worker), tmp_path / f"{name}.log", environment)
            for name in hosts
        ]
        for server in (*servers, *workers):
            running.callback(server.kill)
        for server in servers:
            server.start()
        for port in (kafka_port, redis_port):
            until(lambda port=port: answers(f"{NET}.1", port), f"port {port} answers", 60)
        ensure_topics(settings)
        apply(settings)
        for one in workers:
            one.start()
        until(
            lambda: where(settings) == {f"/{NET}.11", f"/{NET}.12"},
            "both hosts share the work",
            90,
            every_s=0.5,
        )

        from kafka import KafkaProducer

        with KafkaProducer(**client_config(settings), linger_ms=5) as producer:
            universe = load_universe(universe_file)
            load = SteadyLoad(
                Publisher(producer, Framer("hosts", PARTITIONS, "hosts")), universe.symbols, 1_000
            )
            load.start()
            until(lambda: load.published > 5_000, "the load has begun", 60)
            ip("link", "set", f"{hosts[0]}h", "down")
            until(lambda: where(settings) == {f"/{NET}.12"}, "the other host has it all", 90, every_s=0.5)
            before = load.published
            until(lambda: load.published > before + 5_000, "more load", 60)
            ip("link", "set", f"{hosts[0]}h", "up")
            workers[0].kill()
            workers[0].start()
            until(lambda: len(where(settings)) == HOSTS, "it is back", 120, every_s=0.5)
            load.stop()
        until(lambda: behind(settings) == 0, "everything acknowledged", 120, every_s=0.5)
        verdicts = verify(settings, universe)
        assert len(verdicts) == 60
        assert [one for one in verdicts if not one.equal] == []


def where(settings: Any) -> set[str]:
    """Addresses of the members that own partitions, while the group is stable."""
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError

    try:
        with KafkaAdminClient(**client_config(settings)) as admin:
            group = admin.describe_groups([APP_ID])[APP_ID]
    except KafkaError:
        return set()
    return {one["client_host"] for one in group["members"]} if group["group_state"] == "Stable" else set()


def behind(settings: Any) -> int:
    """Records of market.ticks that are not acknowledged."""
    from kafka import KafkaConsumer, TopicPartition
    from kafka.admin import KafkaAdminClient

    partitions = [TopicPartition(topics.TICKS, number) for number in range(PARTITIONS)]
    with KafkaConsumer(**client_config(settings), group_id=None) as consumer:
        ends = consumer.end_offsets(partitions)
    with KafkaAdminClient(**client_config(settings)) as admin:
        held = admin.list_group_offsets({APP_ID: None})[APP_ID]
    return sum(max(0, end - (held[one].offset if one in held else 0)) for one, end in ends.items())
