"""The embedded broker and Apache Kafka accept what kafka-python sends, and Apache Kafka keeps it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from launcher import apache_kafka as apache
from launcher import create_topics, embedded_broker, topic_reader
from launcher.create_topics import CHANGELOG, ensure_topics, wait_for_broker
from launcher.free_port import LOOPBACK, free_ports
from launcher.topic_start import OLDEST
from producers import tick, topics
from producers.errors import FixAndRestart, TryAgain
from producers.kafka_client import client_config
from producers.settings import Settings, load_settings
from tests.security.certificates import Authority
from tests.services import kafka_jars, running


@pytest.fixture(params=["embedded_broker", "apache_kafka"])
def settings(request: pytest.FixtureRequest) -> Settings:
    return load_settings(kafka_bootstrap_servers=request.getfixturevalue(request.param))


def values(settings: Settings, topic: str, symbol: str | None = None) -> list[Any]:
    found = topic_reader.tail(settings, topic, symbol=symbol, start=OLDEST, follow=False)
    return [one.value for one in found]


def publish(settings: Settings, topic: str, value: bytes, key: bytes | None = None) -> None:
    with KafkaProducer(**client_config(settings)) as producer:
        producer.send(topic, value, key=key, partition=0).get(20)


def read(settings: Settings, topic: str) -> list[bytes]:
    """Values of partition 0, from the start to where it ends now."""
    partition = TopicPartition(topic, 0)
    with KafkaConsumer(**client_config(settings), auto_offset_reset="earliest", group_id=None) as consumer:
        consumer.assign([partition])
        end = consumer.end_offsets([partition])[partition]
        values: list[bytes] = []
        while len(values) < end:
            values += [one.value for batch in consumer.poll(timeout_ms=500).values() for one in batch]
        return values


def test_topics_are_created_once_and_carry_records(settings: Settings) -> None:
    expected = {topic.name for topic in (*topics.ALL, CHANGELOG)}
    ensure_topics(settings)
    assert ensure_topics(settings) == []

    listed = {row["name"]: row for row in topic_reader.list_topics(settings)}
    assert expected <= listed.keys()
    assert listed[topics.TICKS]["partitions"] == settings.partitions
    assert listed[topics.MODEL_EVENTS]["partitions"] == 1

    before = listed[topics.MODEL_EVENTS]["records"]
    publish(settings, topics.MODEL_EVENTS, b'{"event": "trained"}', key=b"lstm")
    assert read(settings, topics.MODEL_EVENTS)[-1] == b'{"event": "trained"}'
    listed = {row["name"]: row for row in topic_reader.list_topics(settings)}
    assert listed[topics.MODEL_EVENTS]["records"] == before + 1


def test_racing_processes_all_find_the_topics_created(settings: Settings) -> None:
    errors: list[Exception] = []

    def create() -> None:
        try:
            ensure_topics(settings)
        except Exception as error:
            errors.append(error)

    racers = [threading.Thread(target=create) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
    assert errors == []


def test_a_topic_that_appears_after_the_look_is_as_good_as_created(
    apache_kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(kafka_bootstrap_servers=apache_kafka)
    ensure_topics(settings)
    monkeypatch.setattr(KafkaAdminClient, "list_topics", lambda _self: [])
    assert ensure_topics(settings) == []


def test_apache_kafka_is_understood_without_assertions(apache_kafka: str) -> None:
    # The services run under -O, where kafka-python alone cannot decode an answer.
    listed = subprocess.run(
        [sys.executable, "-O", "-m", "launcher.cli", "topics", "create", "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": apache_kafka},
    )
    assert listed.returncode == 0, listed.stderr


def test_apache_topics_have_the_retention_of_the_contract(apache_kafka: str) -> None:
    from kafka.admin import ConfigResource, ConfigResourceType

    settings = load_settings(kafka_bootstrap_servers=apache_kafka)
    ensure_topics(settings)
    with KafkaAdminClient(**client_config(settings)) as admin:
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in (topics.BARS, topics.TICKS)]
        answer: Any = admin.describe_configs(asked)
    text = repr(answer)
    assert "compact" in text
    assert str(7 * topics.DAY_MS) in text


def test_a_refused_topic_is_named(apache_kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(kafka_bootstrap_servers=apache_kafka, replication=3)
    monkeypatch.setattr(create_topics, "CHANGELOG", dataclasses.replace(CHANGELOG, name="three-copies"))
    ensure_topics(load_settings(kafka_bootstrap_servers=apache_kafka, replication=1))
    monkeypatch.setattr(create_topics, "CHANGELOG", dataclasses.replace(CHANGELOG, name="three-copies-again"))
    with pytest.raises(TryAgain, match=r"three-copies-again.*[Rr]eplication"):
        ensure_topics(settings)


def test_frames_are_unpacked_to_ticks(settings: Settings) -> None:
    ensure_topics(settings)
    frame = tick.TickFrame("csv", "01J", 0, 5, ["GC=F", "^IXIC"], [0, 1, 0], [1, 2, 3], [1500.5, 2.0, None])
    publish(settings, topics.TICKS, tick.encode(frame))
    publish(settings, topics.TICKS, b"not a frame")
    found = values(settings, topics.TICKS, symbol="GC=F")
    assert [(one["event_ms"], one["price"]) for one in found] == [(1, 1500.5), (3, None)]
    everything = values(settings, topics.TICKS)
    assert [one for one in everything if "not_json" in one.get("unreadable", "")]


def test_records_are_decoded_and_filtered(settings: Settings) -> None:
    ensure_topics(settings)
    publish(settings, topics.FEATURES, b'{"symbol": "GC=F", "n": 1}', key=b"GC=F")
    publish(settings, topics.FEATURES, b'{"symbol": "^IXIC", "n": 2}', key=b"^IXIC")
    publish(settings, topics.DEAD, b"\xff\xfe", key=None)
    gold = values(settings, topics.FEATURES, symbol="GC=F")
    assert gold == [{"symbol": "GC=F", "n": 1}]
    dead = values(settings, topics.DEAD)
    assert dead[-1]["headers"] == {}
    with pytest.raises(FixAndRestart, match=r"no\.such\.topic"):
        values(settings, "no.such.topic")


def test_apache_kafka_keeps_its_records_over_a_restart(tmp_path: Path) -> None:
    jars = kafka_jars()
    for round_ in range(2):
        port = free_ports(1)[0]
        settings = load_settings(kafka_bootstrap_servers=f"{LOOPBACK}:{port}")
        with running(apache.command(tmp_path, port, jars), port, tmp_path / "log"):
            created = ensure_topics(settings)
            assert bool(created) is (round_ == 0)
            publish(settings, topics.FORECASTS, b"%d" % round_)
            assert read(settings, topics.FORECASTS) == [b"0", b"1"][: round_ + 1]


def test_the_embedded_broker_listens_on_loopback_alone_and_ignores_foreign_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEMA_REGISTRY", "not-a-url")
    monkeypatch.setenv("LISTENER_URL", "tcp://0.0.0.0:1")
    port = free_ports(1)[0]
    with running(embedded_broker.command(port), port, tmp_path / "log") as process:
        # Column 2 is the local address in hex, column 4 the state: 0A is LISTEN.
        rows = [line.split() for line in Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]]
        listening = [row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")]
        assert listening == [f"0100007F:{port:04X}"]


def test_no_broker_is_a_reason_to_try_again() -> None:
    port = free_ports(1)[0]
    said: list[str] = []
    settings = load_settings(kafka_bootstrap_servers=f"{LOOPBACK}:{port}")
    with pytest.raises(TryAgain, match=f"{LOOPBACK}:{port}"):
        wait_for_broker(settings, deadline_s=2.5, say=said.append)
    assert said == [f"waiting for Kafka at {LOOPBACK}:{port}"]


@pytest.mark.usefixtures("without_programs")
def test_missing_java_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FixAndRestart, match="needs `java` on PATH"):
        apache.jars(tmp_path / "cache")


def test_an_interrupted_download_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apache, "_require", lambda _program: None)
    cache = tmp_path / "cache" / "kafka"

    def half_a_download(*_args: object, **_kwargs: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "[ERROR] connection reset\n", "")

    monkeypatch.setattr(subprocess, "run", half_a_download)
    with pytest.raises(TryAgain, match="connection reset"):
        apache.jars(cache)
    assert not cache.exists()
    assert list(cache.parent.iterdir()) == []


@pytest.mark.parametrize("missing", ["kafka_username", "kafka_password"])
def test_sasl_needs_user_and_password(missing: str) -> None:
    given = {"kafka_username": "ada", "kafka_password": "secret"}
    del given[missing]
    with pytest.raises(FixAndRestart, match="KAFKA_USERNAME and KAFKA_PASSWORD"):
        client_config(load_settings(kafka_security_protocol="SASL_SSL", **given))


def test_client_config_carries_everything_kafka_python_needs(tmp_path: Path) -> None:
    ca = Authority(tmp_path, "authority").file
    config = client_config(
        load_settings(
            kafka_bootstrap_servers="a:1, b:2",
            kafka_security_protocol="SASL_SSL",
            kafka_username="ada",
            kafka_password="secret",  # noqa: S106
            kafka_ca_file=ca,
        )
    )
    assert len(config.pop("ssl_context").get_ca_certs()) == 1
    assert config == {
        "bootstrap_servers": ["a:1", "b:2"],
        "security_protocol": "SASL_SSL",
        "reconnect_backoff_max_ms": 2_000,
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "ada",
        "sasl_plain_password": "secret",
    }
    assert config.keys() <= KafkaAdminClient.DEFAULT_CONFIG.keys()
