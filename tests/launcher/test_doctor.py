"""`allocast doctor` names what is wrong and how to repair it: each kind of wrong is made here."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient

from launcher import examine_kafka, examine_redis, examine_state
from launcher.create_topics import ensure_topics
from launcher.doctor import examine, line
from launcher.finding import Finding, ok
from launcher.free_port import free_ports
from producers import topics
from producers.errors import TryAgain
from producers.kafka_client import client_config
from producers.settings import Settings, load_settings


def verdicts(found: Iterator[Finding]) -> dict[str, str]:
    return {one.name: one.verdict for one in found}


@pytest.fixture
def settings(apache_kafka: str, redis_server: str) -> Settings:
    given = load_settings(kafka_bootstrap_servers=apache_kafka, redis_url=redis_server)
    ensure_topics(given)
    return given


def test_a_good_installation_without_services_and_with_wrong_topics(settings: Settings) -> None:
    found = verdicts(examine_kafka.kafka(settings))
    assert found["kafka"] == "ok"
    assert {verdict for name, verdict in found.items() if name.startswith("topic ")} == {"ok"}
    assert found["workers"] == "fail"
    more = settings.model_copy(update={"partitions": 24, "replication": 3})
    wrong = {one.name: one for one in examine_kafka.kafka(more)}
    assert wrong[f"topic {topics.TICKS}"].verdict == "fail"
    assert "ALLOCAST_PARTITIONS=12" in wrong[f"topic {topics.TICKS}"].repair
    assert wrong[f"topic {topics.MODEL_EVENTS}"].verdict == "warn"
    assert "kept 1 times" in wrong[f"topic {topics.MODEL_EVENTS}"].detail


def test_a_topic_with_other_settings_and_one_that_is_missing(settings: Settings) -> None:
    declared = next(topic for topic in topics.ALL if topic.name == topics.DRIFT)
    with KafkaAdminClient(**client_config(settings)) as admin:
        (described,) = admin.describe_topics([topics.DRIFT])
    config = {**declared.config(), "retention.ms": "1000"}
    finding = examine_kafka.topic_as_declared(declared, described, config, settings)
    assert finding.verdict == "warn"
    assert f"--add-config retention.ms={declared.retention_ms}" in finding.repair
    assert examine_kafka.topic_as_declared(declared, None, None, settings).repair.startswith(
        "run `allocast topics"
    )


def test_an_older_broker_and_clocks_that_are_ahead(settings: Settings) -> None:
    assert examine_kafka.broker((2, 8), settings).verdict == "fail"
    far = settings.model_copy(update={"kafka_bootstrap_servers": "kafka.example:9092"})
    assert examine_kafka.broker((4, 1), far).verdict == "warn"
    assert [examine_kafka.clock("x", ms).verdict for ms in (0, 2_000, 60_000)] == ["ok", "warn", "fail"]


def test_redis_with_and_without_persistence(settings: Settings) -> None:
    assert set(verdicts(examine_redis.redis(settings)).values()) == {"ok"}
    with redis.Redis.from_url(settings.redis_url.get_secret_value(), protocol=2) as client:
        client.config_set("appendonly", "no")
        client.config_set("maxmemory", "1gb")
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            found = verdicts(examine_redis.redis(settings))
        finally:
            client.config_set("appendonly", "yes")
            client.config_set("maxmemory", "0")
            client.config_set("maxmemory-policy", "noeviction")
    assert found["redis persistence"] == "warn"
    assert found["redis memory"] == "fail"


def test_what_is_on_a_network_without_password_or_tls() -> None:
    info: dict[str, Any] = {"redis_version": "7.0"}
    assert examine_redis.login("far:6379", "redis", False, False, info).verdict == "fail"
    assert examine_redis.login("far:6379", "redis", True, False, info).verdict == "warn"
    assert examine_redis.login("far:6379", "rediss", True, False, info).verdict == "ok"


def test_a_producer_whose_clock_is_ahead_is_seen_in_the_log(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "TICKS", "ticks-of-another-clock")
    with KafkaAdminClient(**client_config(settings)) as admin:
        declared = {"num_partitions": 1, "replication_factor": 1, "configs": {}}
        admin.create_topics({topics.TICKS: declared}, raise_errors=False)
        admin.wait_for_topics([topics.TICKS])
    found = {}
    for ahead_ms in (0, 60_000):
        now_ms = int(time.time() * 1000) + ahead_ms
        frame = {
            "source": "csv", "epoch": "e", "seq": 0, "seen_ms": now_ms, "symbols": ["GC=F"], "symbol": [0],
            "event_ms": [now_ms], "price": [1.0], "size": [0.0],
        }  # fmt: skip
        with KafkaProducer(**client_config(settings)) as producer:
            producer.send(topics.TICKS, json.dumps(frame).encode(), partition=0).get(30)
        with KafkaConsumer(**client_config(settings), group_id=None) as consumer:
            found[ahead_ms] = {one.name: one for one in examine_kafka.newest_frames(consumer)}
    assert found[0]["clock of producer"].verdict == "ok"
    assert found[60_000]["clock of producer"].verdict == "fail"
    assert "chrony" in found[60_000]["clock of producer"].repair


IN_A_FOLDER_OF_ITS_OWN = 'mount -t tmpfs -o size=1m state "$0" && eval "$1" && shift && exec "$@"'


@pytest.mark.parametrize(
    ("made", "why", "verdicts_there"),
    [
        ("mount -o remount,ro $0", "Read-only file system", {"state folder": "fail", "disk": "fail"}),
        (
            "dd if=/dev/zero of=$0/full bs=4k 2>/dev/null || true",
            "No space left on device",
            {"state folder": "fail", "disk": "fail"},
        ),
        ("true", "", {"state folder": "ok", "disk": "fail"}),
    ],
    ids=["read-only", "full", "small"],
)
def test_a_disk_that_is_full_or_read_only_is_named_and_refused(
    tmp_path: Path, made: str, why: str, verdicts_there: dict[str, str]
) -> None:
    """On a file system of its own, which even root cannot write."""
    apart = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    if subprocess.run(
        [*apart, "mount", "-t", "tmpfs", "state", str(tmp_path)], capture_output=True
    ).returncode:
        pytest.skip("a file system of its own needs mount namespaces, which this container does not allow")

    def there(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *apart,
                "sh",
                "-c",
                IN_A_FOLDER_OF_ITS_OWN,
                str(tmp_path),
                made,
                sys.executable,
                *command,
            ],
            env={**os.environ, "ALLOCAST_STATE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    look = (
        "import json; from launcher.examine_state import state; from producers.settings import load_settings;"
        "print(json.dumps({one.name: one.verdict for one in state(load_settings())}))"
    )
    done = there("-c", look)
    assert json.loads(done.stdout) == verdicts_there, done.stderr
    if why:
        refused = there("-m", "feature_repo.apply")
        assert refused.returncode == 2, refused.stderr
        assert why in refused.stderr
        assert "ALLOCAST_STATE_DIR" in refused.stderr
        assert "Traceback" not in refused.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_state_folder(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    found = verdicts(examine_state.state(load_settings(state_dir=tmp_path)))
    assert found["state folder"] == "fail"


def test_a_state_folder_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = list(examine_state.state(load_settings(state_dir=tmp_path / "file" / "state")))
    assert found[0].verdict == "fail"
    assert "ALLOCAST_STATE_DIR" in found[0].repair


@pytest.mark.parametrize(
    "command", [["launcher.cli", "up"], ["training"], ["feature_repo.apply"]], ids=lambda one: one[0]
)
def test_a_service_refuses_a_state_folder_that_cannot_be_written(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env={**os.environ, "ALLOCAST_STATE_DIR": str(tmp_path / "file" / "state")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stderr
    assert "ALLOCAST_STATE_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_registry_and_the_model_of_an_empty_folder(tmp_path: Path) -> None:
    settings = load_settings(state_dir=tmp_path)
    (missing,) = examine_state.registry(settings)
    assert missing.verdict == "fail"
    settings.registry_file.write_text("")
    settings.registry_file.with_suffix(".applied").write_text("of another version")
    (other,) = examine_state.registry(settings)
    assert "other features" in other.detail
    (none,) = examine_state.model(settings)
    assert none.verdict == "warn"


def test_one_check_that_fails_does_not_hide_the_others() -> None:
    def broken(_: Settings) -> Iterator[Finding]:
        raise ZeroDivisionError
        yield

    def away(_: Settings) -> Iterator[Finding]:
        raise TryAgain("nobody there")
        yield

    found = list(examine(load_settings(), {"a": broken, "b": away, "c": lambda _: iter([ok("c", "fine")])}))
    assert [one.verdict for one in found] == ["fail", "fail", "ok"]
    assert "nobody there" in line(found[1])


def test_the_command_says_it_in_json_and_by_its_exit_code(tmp_path: Path) -> None:
    kafka, store = free_ports(2)
    done = subprocess.run(
        [sys.executable, "-m", "launcher.cli", "doctor", "--json"],
        env={
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{kafka}",
            "REDIS_URL": f"redis://:hush@127.0.0.1:{store}/0",
            "ALLOCAST_STATE_DIR": str(tmp_path / "state"),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert told["healthy"] is False
    assert {one["name"]: one["verdict"] for one in told["findings"]} == {
        "state folder": "ok",
        "disk": "ok",
        "kafka": "fail",
        "redis": "fail",
        "feature registry": "fail",
        "model": "warn",
        "feeds": "fail",
    }
    assert "hush" not in done.stdout
