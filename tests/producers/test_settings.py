from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from producers.errors import FixAndRestart
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
    with pytest.raises(FixAndRestart, match=value):
        load_settings()
