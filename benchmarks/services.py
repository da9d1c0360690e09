"""Apache Kafka and a redis-server for the time of a benchmark, on free loopback ports."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.market import write_universe
from launcher import apache_kafka, embedded_redis
from launcher.create_topics import ensure_topics, wait_for_broker
from launcher.free_port import LOOPBACK, free_ports
from producers.errors import TryAgain
from producers.settings import Settings, load_settings

STOP_S = 20.0


@contextlib.contextmanager
def process(command: list[str], log_file: Path, environment: dict[str, str] | None = None) -> Iterator[int]:
    """A child process for as long as the block runs; yields its process id."""
    with log_file.open("ab") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        yield child.pid
    finally:
        stop(child)


def stop(child: subprocess.Popen[Any]) -> None:
    """End a child, politely at first."""
    child.terminate()
    try:
        child.wait(STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def environment(settings: Settings) -> dict[str, str]:
    """What a process needs to use these services."""
    return {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "ALLOCAST_STATE_DIR": str(settings.state_dir),
        "ALLOCAST_UNIVERSE_FILE": str(settings.universe_file),
        "ALLOCAST_KAFKA_SESSION_S": str(settings.kafka_session_s),
        "ALLOCAST_PARTITIONS": str(settings.partitions),
    }


@contextlib.contextmanager
def services(symbols: int) -> Iterator[Settings]:
    """Both servers from empty folders, with the topics, a universe of `symbols` assets and the feature registry."""
    with tempfile.TemporaryDirectory(prefix="allocast-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        kafka_port, redis_port = free_ports(2)
        broker = apache_kafka.command(folder, kafka_port)
        stack.enter_context(process(list(broker), folder / "kafka.log"))
        stack.enter_context(process(list(embedded_redis.command(folder, redis_port)), folder / "redis.log"))
        yield ready(f"{LOOPBACK}:{kafka_port}", f"redis://{LOOPBACK}:{redis_port}/0", folder, symbols)


def ready(bootstrap_servers: str, redis_url: str, folder: Path, symbols: int) -> Settings:
    """Settings for servers that run or are starting; topics, universe and feature registry are made.

    Raises TryAgain when the broker does not answer or the features cannot be applied.
    """
    universe_file = folder / "universe.toml"
    write_universe(universe_file, symbols)
    settings = load_settings(
        kafka_bootstrap_servers=bootstrap_servers,
        redis_url=redis_url,
        state_dir=folder,
        universe_file=universe_file,
    )
    # In a process of its own: feast takes seconds to import, and meanwhile the broker starts.
    applying = subprocess.Popen(
        [sys.executable, "-O", "-m", "feature_repo.apply"],
        env=environment(settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    wait_for_broker(settings)
    ensure_topics(settings)
    _, said = applying.communicate()
    if applying.returncode:
        raise TryAgain(f"the features could not be applied: {said.decode()[-500:]}")
    return settings
