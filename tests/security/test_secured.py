"""Every service against servers that ask for TLS, a login and permissions, with the rules that are shipped."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import (
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    KafkaError,
    NotCoordinatorError,
    TopicAuthorizationFailedError,
)
from redis.exceptions import NoPermissionError

from feature_repo.online import FeastReader
from feature_repo.online_store import FencedRedisOnlineStore
from feature_repo.store import check_redis, load_config, refusal
from launcher import dead_letters
from launcher.create_topics import ensure_topics
from launcher.doctor import examine
from launcher.examine_state import scrape
from launcher.free_port import free_ports
from launcher.parity import verify
from launcher.status import figures
from launcher.topic_reader import list_topics
from producers import topics
from producers.errors import FixAndRestart, TryAgain
from producers.kafka_client import client_config
from producers.metrics import SERVICES
from producers.outbox import send_one
from producers.request import MODEL
from producers.settings import Settings, load_settings
from producers.universe import load_universe
from stream_processors.state_version import APP_ID
from tests.asking import ask
from tests.launcher.test_observability import series
from tests.security.certificates import Authority
from tests.security.secured import Secured, refused, start
from tests.security.servers import secured_redis
from tests.services import until
from tests.system import records
from training.events import SCHEMA, ModelEvent

TOPIC_AUTHORIZATION_FAILED = 29
FORECAST = {"amount": 100, "weights": {"gold": 60, "cash": 40}, "horizon": "3m"}
pytestmark = [pytest.mark.timeout(600)]


def test_every_service_works_with_no_more_than_its_rules(secured: Secured) -> None:
    """Ticks of a producer become features, a model, events and forecasts, each written by its own user."""
    feed = ("producers", "--feed", "simulated", "--speed", "2")
    (page,) = free_ports(1)
    services = {
        "worker": start(secured, "worker", "worker", "stream_processors"),
        "producer": start(secured, "producer", "worker", *feed),
        "monitor": start(secured, "monitor", "worker", "stream_processors.monitor"),
        "training": start(
            secured, "training", "reader", "training", ALLOCAST_LSTM_SEEDS="1", ALLOCAST_LSTM_EPOCHS="1"
        ),
        "dashboard": start(secured, "dashboard", "reader", "dashboard", ALLOCAST_PORT=str(page)),
    }
    try:
        reader = secured.settings("reader", "reader")
        operator = secured.settings("operator", "reader")

        def told(topic: str) -> bool:
            for name, service in services.items():
                assert service.poll() is None, (secured.folder / f"{name}.log").read_text()[-2000:]
            return bool(records(reader, topic))

        until(lambda: told(topics.BARS), "bars from the worker", 180)
        symbols = load_universe().symbols
        online = FeastReader(reader)
        until(lambda: set(online.read(symbols)) == set(symbols), "rows online, read by the reading user", 120)
        until(lambda: told(topics.FORECASTS), "forecasts from the training service", 180)
        until(lambda: told(topics.DRIFT), "reports from the monitor", 120)
        until(lambda: page_does(page, "forecast", FORECAST), "an answer of the page", 60, every_s=0.5)
        until(lambda: page_does(page, "retrain", {}), "the page may ask for a model", 60, every_s=0.5)
        assert any(b"manual:page" in (one.value or b"") for one in records(operator, topics.REQUESTS))
        for name in SERVICES:
            alive = refused(secured, "producers.alive", name)
            assert alive.returncode == 0, alive.stderr
        counted = figures(reader)
        assert counted["ticks_applied"]
        assert counted["freshness_s"]
        assert counted["symbols"] >= len(symbols)  # reference series have a state, too
        assert counted["outcomes_scored"]
        assert counted["forecasts_logged"]
        assert_documented_series(reader)
        findings = {one.name: one for one in examine(secured.settings("doctor", "doctor"))}
        assert {one.verdict for one in findings.values()} == {"ok"}, findings
        assert len(findings) >= 20
    finally:
        for service in services.values():
            service.terminate()
        for service in services.values():
            service.wait(40)
    logs = b"".join(path.read_bytes() for path in secured.folder.glob("*.log"))
    assert b"market.ticks" in logs
    assert b"hush-" not in logs, "a password is in a log"
    assert "not allow" not in (secured.folder / "dashboard.log").read_text()
    for name in SERVICES:
        lines = (secured.folder / f"{name}.log").read_text().splitlines()
        ours = [json.loads(line) for line in lines if line.startswith("{")]
        assert {one["service"] for one in ours} == {name}
        assert any("topic" in one for one in ours) == (name == "worker"), ours


def page_does(page: int, action: str, body: object) -> bool:
    """Whether the page does what it is asked for; it listens on loopback, where nobody logs in."""
    try:
        origin = f"http://127.0.0.1:{page}"
        return ask(f"{origin}/api/{action}", body, {"origin": origin}, timeout_s=30).status == 200
    except OSError:  # it does not listen yet
        return False


def lag_is_told(admin: KafkaAdminClient) -> bool:
    try:
        return isinstance(admin.list_group_offsets({APP_ID: None})[APP_ID], dict)
    except (CoordinatorNotAvailableError, NotCoordinatorError):  # of a broker on which no group has been yet
        return False


def test_keda_may_see_the_lag_and_nothing_else(secured: Secured) -> None:
    """What its scaler asks for: the topic, the ends of its partitions and what the group has acknowledged."""
    config = client_config(secured.settings("keda", "doctor"))
    partitions = [TopicPartition(topics.TICKS, number) for number in range(2)]
    with KafkaAdminClient(**config) as admin:
        (described,) = admin.describe_topics([topics.TICKS])
        assert described["error_code"] == 0
        assert len(described["partitions"]) == 2
        until(lambda: lag_is_told(admin), "what the group has acknowledged", 30, every_s=0.2)
        assert [one["error_code"] for one in admin.describe_topics([topics.BARS])] == [
            TOPIC_AUTHORIZATION_FAILED
        ]
        with pytest.raises(GroupAuthorizationFailedError):
            admin.list_group_offsets({"reader-mine": None})
    with KafkaConsumer(**config, group_id=None) as consumer:
        assert consumer.end_offsets(partitions).keys() == set(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        with pytest.raises(TopicAuthorizationFailedError):
            consumer.poll(timeout_ms=10_000)
    with KafkaProducer(**config) as producer, pytest.raises(KafkaError, match="AuthorizationFailed"):
        producer.send(topics.TICKS, value=b"x", partition=0).get(30)


def assert_documented_series(settings: Settings) -> None:
    """What the dashboards ask for is really served, but for what has not happened here."""
    served = {name.partition("{")[0] for one in SERVICES for name in scrape(settings, one) or {}}
    quiet = {"allocast_dead_letters_total", "allocast_retrainings_asked_total", "allocast_member_skill_ratio"}
    assert series().keys() - quiet <= served


def test_a_person_may_repair_and_decide(secured: Secured) -> None:
    """What docs/operators.md tells to run, by the user that it names; parity of what the services above have written."""
    worker, operator = secured.settings("worker"), secured.settings("operator", "reader")
    with KafkaProducer(**client_config(worker)) as producer:
        headers = [("kind", b"frame"), ("reason", b"not_json"), ("source_partition", b"0")]
        stored = producer.send(topics.DEAD, b"no frame", headers=headers).get(30)
    assert stored.offset in [one.offset for one in dead_letters.letters(operator)]
    before = len(list(records(operator, topics.TICKS)))
    assert dead_letters.replay(operator, [stored.offset]) == 1
    assert len(list(records(operator, topics.TICKS))) == before + 1
    assert all(verdict.different == [] for verdict in verify(operator, load_universe()))
    asked = refused(secured, "launcher.cli", "train", "--json", user="operator")
    assert "requested" in asked.stdout, asked.stderr
    said = ModelEvent("rolled_back", "20200102-none", "manual", 3, "", "by hand")
    send_one(client_config(operator), topics.MODEL_EVENTS, MODEL, msgspec.json.encode(said), SCHEMA)
    assert any(b"20200102-none" in (one.value or b"") for one in records(operator, topics.MODEL_EVENTS))
    for topic in (topics.BARS, topics.FEATURES, topics.DEAD, topics.DRIFT, topics.FORECASTS):
        with KafkaProducer(**client_config(operator)) as producer, pytest.raises(KafkaError):
            producer.send(topic, b"{}", key=b"x").get(30)


def test_a_wrong_password_of_kafka_ends_a_service_with_one_sentence(secured: Secured) -> None:
    done = refused(secured, "stream_processors", KAFKA_PASSWORD="hush-wrong")  # noqa: S106
    assert done.returncode == 2
    assert "refused the login of KAFKA_USERNAME=allocast-worker" in done.stderr


def test_a_wrong_password_of_redis_ends_a_service_with_one_sentence(secured: Secured) -> None:
    done = refused(secured, "stream_processors", REDIS_PASSWORD="hush-wrong")  # noqa: S106
    assert done.returncode == 2
    assert "refused the login" in done.stderr
    assert "REDIS_PASSWORD" in done.stderr


def test_a_missing_permission_is_named(secured: Secured) -> None:
    done = refused(secured, "stream_processors", user="monitor")
    assert done.returncode == 2
    assert "to describe the topic market.ticks" in done.stderr
    with pytest.raises(FixAndRestart, match="to create topics"):
        ensure_topics(secured.settings("producer"))
    config = load_config(secured.settings("worker", "doctor"))
    with pytest.raises(NoPermissionError) as denied:
        FencedRedisOnlineStore().fence(config, "GC=F")
    assert "users.acl" in refusal(denied.value)


@pytest.mark.parametrize("store", ["KAFKA", "REDIS"])
def test_a_certificate_of_a_foreign_authority_is_refused(
    secured: Secured, tmp_path: Path, store: str
) -> None:
    other = Authority(tmp_path, "somebody")
    settings = secured.settings("worker", **{f"{store}_CA_FILE": str(other.file)})
    ask = list_topics if store == "KAFKA" else check_redis
    with pytest.raises(FixAndRestart, match=f"not accepted.*{store}_CA_FILE"):
        ask(settings)


def test_an_expired_certificate_of_the_server_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    expired = authority.issue("server", valid=-dt.timedelta(days=1))
    with secured_redis(tmp_path, authority, expired) as port:
        environment = {"REDIS_URL": f"rediss://127.0.0.1:{port}/0", "REDIS_CA_FILE": str(authority.file)}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            with pytest.raises(FixAndRestart, match="expired"):
                check_redis(load_settings())
        # The same code checks Kafka's certificate; here the TLS port of Redis stands in for an expired broker.
        with pytest.raises(FixAndRestart, match="expired"):
            list_topics(
                load_settings(
                    kafka_bootstrap_servers=f"127.0.0.1:{port}",
                    kafka_security_protocol="SSL",
                    kafka_ca_file=authority.file,
                )
            )


def test_without_tls_or_login_nothing_is_read(secured: Secured) -> None:
    plain_redis = load_settings(redis_url=f"redis://127.0.0.1:{secured.redis_port}/0")
    reader = FeastReader(plain_redis.model_copy(update={"state_dir": secured.folder / "state"}))
    with pytest.raises(TryAgain):
        reader.read(["GC=F"])
    with pytest.raises(FixAndRestart, match="does not speak TLS"):
        list_topics(secured.settings("reader", KAFKA_BOOTSTRAP_SERVERS=secured.kafka.plain))


def test_a_client_certificate_is_presented_where_the_broker_asks_for_one(
    secured: Secured, tmp_path: Path
) -> None:
    ours = secured.authority.issue("allocast-reader")
    given = {"kafka_bootstrap_servers": secured.kafka.certificate, "kafka_security_protocol": "SSL"}
    files = {"kafka_ca_file": secured.authority.file}
    known = load_settings(**given, **files, kafka_cert_file=ours.certificate, kafka_key_file=ours.key)
    assert list_topics(known) == []  # it is let in, and no rule allows it to see anything
    stranger = Authority(tmp_path, "somebody").issue("allocast-reader")
    for wrong in ({}, {"kafka_cert_file": stranger.certificate, "kafka_key_file": stranger.key}):
        settings = load_settings(**given, **files, **wrong)
        with pytest.raises((FixAndRestart, TryAgain)):
            list_topics(settings)


def test_a_reader_may_not_write_and_a_worker_may_not_read_what_it_does_not_need(secured: Secured) -> None:
    config = client_config(secured.settings("reader"))
    with KafkaProducer(**config) as producer, pytest.raises(KafkaError, match="AuthorizationFailed"):
        producer.send(topics.TICKS, value=b"x", partition=0).get(30)
    with (
        KafkaConsumer(topics.BARS, **config, group_id="allocast-worker-x") as thief,
        pytest.raises(GroupAuthorizationFailedError),
    ):
        thief.poll(timeout_ms=10_000)
