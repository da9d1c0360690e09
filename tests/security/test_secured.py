"""Every service against servers that ask for TLS, a login and permissions, with the rules that are shipped."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
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
from tests.compose import COMPOSE, health_check, kafka_properties
from tests.launcher.test_observability import series
from tests.security.certificates import DAY, Authority
from tests.security.secured import Secured, checked, ended, start, typed
from tests.security.servers import password, secured_redis
from tests.services import until
from tests.system import records
from training.events import SCHEMA, ModelEvent

TOPIC_AUTHORIZATION_FAILED = 29
FORECAST = {"amount": 100, "weights": {"gold": 60, "cash": 40}, "horizon": "3m"}
pytestmark = [pytest.mark.timeout(600)]


def test_every_service_works_with_no_more_than_its_rules(secured: Secured) -> None:
    """Ticks of a producer become features, a model, events and forecasts, each written by its own user."""
    fast = {"ALLOCAST_LSTM_SEEDS": "1", "ALLOCAST_LSTM_EPOCHS": "1"}
    services = {name: start(secured, name, **fast) for name in (*SERVICES, "dashboard")}
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
        until(lambda: page_does(secured, "forecast", FORECAST), "an answer of the page", 60, every_s=0.5)
        until(lambda: page_does(secured, "retrain", {}), "the page may ask for a model", 60, every_s=0.5)
        assert any(b"manual:page" in (one.value or b"") for one in records(operator, topics.REQUESTS))
        for name in services:
            assert (health := checked(secured, name)).returncode == 0, health.stderr
        assert ask(f"http://127.0.0.1:{secured.page_port}/api/session").status == 401
        until(
            lambda: not unserved(secured, reader),
            "every series of the dashboards is served",
            120,
            every_s=0.5,
        )
        counted = figures(reader)
        assert counted["ticks_applied"]
        assert counted["freshness_s"]
        assert (counted["symbols"] or 0) >= len(symbols)  # reference series have a state, too
        assert counted["outcomes_scored"]
        assert counted["forecasts_logged"]
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
    assert not (secured.home / ".config" / "mlflow").exists(), "MLflow got ready to report to its makers"
    for name in SERVICES:
        lines = (secured.folder / f"{name}.log").read_text().splitlines()
        ours = [json.loads(line) for line in lines if line.startswith("{")]
        assert {one["service"] for one in ours} == {name}
        assert any("topic" in one for one in ours) == (name == "worker"), ours


def page_does(secured: Secured, action: str, body: object) -> bool:
    """Whether the page does what its operator asks for, by the password among its secrets."""
    login = base64.b64encode(f"operator:{password('page')}".encode()).decode()
    origin = f"http://127.0.0.1:{secured.page_port}"
    headers = {"origin": origin, "authorization": f"Basic {login}"}
    try:
        return ask(f"{origin}/api/{action}", body, headers, timeout_s=30).status == 200
    except OSError:  # it does not listen yet
        return False


def lag_is_told(admin: KafkaAdminClient) -> bool:
    try:
        return isinstance(admin.list_group_offsets({APP_ID: None})[APP_ID], dict)
    except (CoordinatorNotAvailableError, NotCoordinatorError):  # of a broker on which no group has been yet
        return False


def test_the_health_check_of_the_broker_asks_the_broker(secured: Secured) -> None:
    """On the listener that services use there; neither a port that nobody listens on nor another protocol will do."""
    (listened,) = re.findall(r"INTERNAL://:(\d+)", kafka_properties()["listeners"])
    (closed,) = free_ports(1)
    healthy = {}
    for address in (secured.kafka.plain, secured.kafka.login, f"127.0.0.1:{closed}"):
        port = address.rpartition(":")[2]
        check = [part.replace(f"/{listened}", f"/{port}") for part in health_check("kafka")]
        assert check != health_check("kafka")
        healthy[address] = subprocess.run(check, capture_output=True, timeout=20).returncode == 0
    assert healthy == {address: address == secured.kafka.plain for address in healthy}


def test_keda_may_see_the_lag_and_nothing_else(secured: Secured) -> None:
    """What its scaler asks for: the topic, the ends of its partitions and what the group has acknowledged."""
    config = client_config(secured.settings("keda", "doctor"))
    count = int(COMPOSE["x-env"]["ALLOCAST_PARTITIONS"])
    partitions = [TopicPartition(topics.TICKS, number) for number in range(count)]
    with KafkaAdminClient(**config) as admin:
        (described,) = admin.describe_topics([topics.TICKS])
        assert described["error_code"] == 0
        assert len(described["partitions"]) == count
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


def unserved(secured: Secured, settings: Settings) -> set[str]:
    """What the dashboards ask for and nobody serves, but for what has not happened here: nothing was refused, and the
    labels of a first model have not matured."""
    served = [name for one in SERVICES for name in scrape(settings, one) or {}]
    served += ask(f"http://127.0.0.1:{secured.page_port}/metrics").body.decode().splitlines()
    quiet = {"allocast_dead_letters_total", "allocast_retrainings_asked_total", "allocast_member_skill_ratio"}
    return series().keys() - quiet - {re.split("[{ ]", name)[0] for name in served}


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
    asked = typed(secured, "operator", "worker", "train", "--json")
    assert "requested" in asked.stdout, asked.stderr
    said = ModelEvent("rolled_back", "20200102-none", "manual", 3, "", "by hand")
    send_one(client_config(operator), topics.MODEL_EVENTS, MODEL, msgspec.json.encode(said), SCHEMA)
    assert any(b"20200102-none" in (one.value or b"") for one in records(operator, topics.MODEL_EVENTS))
    for topic in (topics.BARS, topics.FEATURES, topics.DEAD, topics.DRIFT, topics.FORECASTS):
        with KafkaProducer(**client_config(operator)) as producer, pytest.raises(KafkaError):
            producer.send(topic, b"{}", key=b"x").get(30)


@pytest.mark.parametrize(
    ("variable", "value", "names", "sentence"),
    [
        (
            "KAFKA_PASSWORD",
            "hush-wrong",
            (*SERVICES, "dashboard"),
            "refused the login of KAFKA_USERNAME=allocast",
        ),
        ("REDIS_PASSWORD", "hush-wrong", ("worker", "dashboard"), "refused the login"),
        ("ALLOCAST_PARTITIONS", "5", SERVICES, "has 12 partitions, ALLOCAST_PARTITIONS is 5"),
    ],
)
def test_what_only_a_person_can_mend_ends_a_service_with_one_sentence(
    secured: Secured, variable: str, value: str, names: tuple[str, ...], sentence: str
) -> None:
    with ThreadPoolExecutor(len(names)) as side_by_side:
        results = list(side_by_side.map(lambda name: ended(secured, name, **{variable: value}), names))
    for name, done in zip(names, results, strict=True):
        assert done.returncode == 2, f"{name}: {done.stderr}"
        assert sentence in done.stderr
        assert variable in done.stderr


def test_a_missing_permission_is_named(secured: Secured) -> None:
    done = ended(secured, "worker", KAFKA_USERNAME="allocast-monitor", KAFKA_PASSWORD=password("monitor"))
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


@pytest.mark.parametrize("store", ["KAFKA", "REDIS"])
def test_a_certificate_of_another_host_is_refused(secured: Secured, store: str) -> None:
    """Those of the test name 127.0.0.1 alone."""
    here = secured.addresses()
    variable = {"KAFKA": "KAFKA_BOOTSTRAP_SERVERS", "REDIS": "REDIS_URL"}[store]
    settings = secured.settings("worker", **{variable: here[variable].replace("127.0.0.1", "localhost")})
    ask = list_topics if store == "KAFKA" else check_redis
    with pytest.raises(FixAndRestart, match=r"not accepted.*localhost"):
        ask(settings)


def test_an_expired_certificate_of_redis_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    with secured_redis(tmp_path, authority, authority.issue("server", -DAY)) as port:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("REDIS_URL", f"rediss://127.0.0.1:{port}/0")
            patch.setenv("REDIS_CA_FILE", str(authority.file))
            settings = load_settings()
        with pytest.raises(FixAndRestart, match=r"Redis.*expired.*REDIS_CA_FILE"):
            check_redis(settings)


def test_an_expired_certificate_of_the_broker_is_refused(secured: Secured) -> None:
    there = {"KAFKA_BOOTSTRAP_SERVERS": secured.kafka.expired, "KAFKA_SECURITY_PROTOCOL": "SSL"}
    with pytest.raises(FixAndRestart, match=r"Kafka.*expired.*KAFKA_CA_FILE"):
        list_topics(secured.settings("reader", **there))
    done = ended(secured, "worker", **there)
    assert done.returncode == 2
    assert "certificate has expired" in done.stderr


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
