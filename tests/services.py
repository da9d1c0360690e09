"""Real services for tests, started by the very code that `allocast up` uses. Load with `pytest_plugins`."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from launcher import apache_kafka as apache
from launcher import embedded_broker as tansu
from launcher import embedded_redis
from launcher.free_port import LOOPBACK, answers, free_ports
from producers.errors import AllocastError


def until(
    condition: Callable[[], object], what: str, deadline_s: float = 30.0, every_s: float = 0.02
) -> None:
    """Return as soon as the condition holds; fail naming `what` when it never does."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"after {deadline_s:.0f} s still not: {what}")
        time.sleep(every_s)


@contextmanager
def running(
    command: Sequence[str], port: int, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that accepts connections on a loopback port for as long as the block runs."""
    with (
        log.open("ab") as output,
        subprocess.Popen(command, stdout=output, stderr=output, env=environment) as process,
    ):
        try:
            until(
                lambda: answers(LOOPBACK, port) or process.poll() is not None,
                f"{command[0]} listens on {port}",
                deadline_s=120,
            )
            assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-2000:]
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def kafka_jars() -> Path:
    """Apache Kafka's jars. Skips where Java, Maven or its repository cannot be reached, and fails so in CI."""
    try:
        return apache.jars()
    except AllocastError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def embedded_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address of the embedded broker."""
    port = free_ports(1)[0]
    log = tmp_path_factory.mktemp("embedded_broker") / "log"
    with running(tansu.command(port), port, log):
        yield f"{LOOPBACK}:{port}"


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address of a single-node Apache Kafka."""
    jars = kafka_jars()
    folder = tmp_path_factory.mktemp("apache_kafka")
    port = free_ports(1)[0]
    with running(apache.command(folder, port, jars), port, folder / "log"):
        yield f"{LOOPBACK}:{port}"


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an empty Redis."""
    folder = tmp_path_factory.mktemp("redis_server")
    port = free_ports(1)[0]
    with running(embedded_redis.command(folder, port), port, folder / "log"):
        yield f"redis://{LOOPBACK}:{port}/0"


@pytest.fixture
def without_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with no program on PATH."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
