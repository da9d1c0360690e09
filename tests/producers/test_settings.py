from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from producers.errors import FixAndRestart
from producers.kafka_client import tls_context
from producers.settings import RUN_FILE, load_settings


def test_the_environment_wins_over_the_run_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ALLOCAST_STATE_DIR", str(tmp_path))
    (tmp_path / RUN_FILE).write_text(json.dumps({"kafka_bootstrap_servers": "127.0.0.1:1", "port": 9}))
    assert load_settings().kafka_bootstrap_servers == "127.0.0.1:1"
    assert load_settings().port == 9
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "there:2")
    assert load_settings().kafka_bootstrap_servers == "there:2"


def test_settings_are_frozen_and_secrets_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:hush@127.0.0.1:6379/0")
    monkeypatch.setenv("KAFKA_PASSWORD", "hush")
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]  # that it is refused is the point
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOCAST_PORT", "99999"),
        ("ALLOCAST_PARTITIONS", "0"),
        ("KAFKA_SECURITY_PROTOCOL", "TLS"),
        ("ALLOCAST_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(FixAndRestart, match=f"{name}: .*{value}.*for example {name}="):
        load_settings()


@pytest.mark.parametrize(
    "servers", ["", "kafka", "kafka:port", "kafka:9092,", "http://kafka:9092", "kafka:9092;other:9092"]
)
def test_servers_that_are_no_list_of_addresses_are_named(
    monkeypatch: pytest.MonkeyPatch, servers: str
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", servers)
    with pytest.raises(
        FixAndRestart, match=r"KAFKA_BOOTSTRAP_SERVERS: .*KAFKA_BOOTSTRAP_SERVERS=broker1:9092"
    ):
        load_settings()


@pytest.mark.parametrize("url", ["hush", "http://:hush@host", "redis://", "redis://:hush@host:port"])
def test_a_wrong_url_of_redis_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(FixAndRestart, match="REDIS_URL: expected redis://") as refused:
        load_settings()
    assert "hush" not in str(refused.value)


def test_files_of_certificates_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KAFKA_CA_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(FixAndRestart, match=r"KAFKA_CA_FILE: expected a PEM file"):
        load_settings()
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(FixAndRestart, match="KAFKA_CA_FILE"):
        tls_context(load_settings())
    monkeypatch.setenv("REDIS_CA_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REDIS_URL", "redis://host")
    with pytest.raises(FixAndRestart, match="rediss://"):
        load_settings()


def test_secrets_come_from_files_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ALLOCAST_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", "rediss://host:1/2")
    (tmp_path / "REDIS_PASSWORD").write_text("p@ss/word\n")
    (tmp_path / "KAFKA_PASSWORD").write_text("hush")
    settings = load_settings()
    assert settings.redis_url.get_secret_value() == "rediss://:p%40ss%2Fword@host:1/2"
    assert settings.kafka_password is not None
    assert settings.kafka_password.get_secret_value() == "hush"
    monkeypatch.setenv("REDIS_PASSWORD", "other")
    monkeypatch.setenv("REDIS_USERNAME", "ada")
    assert load_settings().redis_url.get_secret_value() == "rediss://ada:other@host:1/2"
