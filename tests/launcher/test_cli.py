"""The `allocast` command as people and scripts meet it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

COMMANDS = [
    "up",
    "status",
    "backfill",
    "forecast",
    "train",
    "models list",
    "topics list",
    "topics tail",
    "topics create",
    "bench",
    "bench stream",
]
HEAVY = ("kafka", "redis", "feast", "faust", "tensorflow", "mlflow", "dash", "numpy", "pandas", "pydantic")


def allocast(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "launcher.cli", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200", **environment},
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example_and_every_command_knows_json(command: str) -> None:
    shown = allocast(*command.split(), "--help")
    assert shown.returncode == 0
    assert "--json" in shown.stdout
    assert f"allocast {command}" in shown.stdout.split("Example")[1]


def test_the_command_imports_nothing_heavy() -> None:
    probe = f"import sys, launcher.cli; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_status_when_nothing_runs() -> None:
    shown = allocast("status", "--json")
    assert shown.returncode == 1
    assert json.loads(shown.stdout)["running"] is False
    assert "`allocast up` starts everything" in allocast("status").stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["up", "--feed", "csv"], "allocast: --feed csv needs --data DIR"),
        (["up", "--feed", "csv", "--data", "/no/such/folder"], "expected an existing folder"),
        (["topics", "tail", "market.ticks", "--json"], "--from-start or --count"),
        (["up", "--feed", "coins"], "coins"),
        (["nonsense"], "nonsense"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(arguments: list[str], sentence: str) -> None:
    shown = allocast(*arguments)
    assert shown.returncode == 2
    assert sentence in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_wrong_setting_is_named() -> None:
    shown = allocast("topics", "list", KAFKA_SECURITY_PROTOCOL="TELEPATHY")
    assert shown.returncode == 2
    assert "KAFKA_SECURITY_PROTOCOL" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_topics_create_and_list(embedded_broker: str) -> None:
    created = allocast("topics", "create", "--json", KAFKA_BOOTSTRAP_SERVERS=embedded_broker)
    assert created.returncode == 0, created.stderr
    assert "created" in json.loads(created.stdout)
    listed = allocast("topics", "list", KAFKA_BOOTSTRAP_SERVERS=embedded_broker)
    assert listed.returncode == 0, listed.stderr
    assert "market.ticks" in listed.stdout
    tailed = allocast(
        "topics", "tail", "drift.reports", "--from-start", "--json", KAFKA_BOOTSTRAP_SERVERS=embedded_broker
    )
    assert json.loads(tailed.stdout) == {"topic": "drift.reports", "records": []}
