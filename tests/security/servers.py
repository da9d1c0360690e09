"""Apache Kafka with TLS, SCRAM and the shipped ACLs; Redis with TLS and the shipped users."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher import apache_kafka, embedded_redis
from launcher.free_port import LOOPBACK, free_ports
from tests.compose import ROOT, kafka_properties
from tests.security.certificates import DAY, Authority, Pair
from tests.services import kafka_jars, running

ACLS = ROOT / "deploy" / "kafka" / "acls.txt"
USERS = (
    "init",
    "producer",
    "worker",
    "monitor",
    "training",
    "dashboard",
    "doctor",
    "operator",
    "reader",
    "keda",
)


@dataclass(frozen=True)
class SecuredKafka:
    """Addresses of one broker: with login and TLS, with a client's certificate, with an expired certificate of its
    own, and plain for the set-up, as compose has it."""

    login: str
    certificate: str
    expired: str
    plain: str
    log: Path


def password(user: str) -> str:
    """Of a user of the test; long enough to be found wherever it leaks."""
    return f"hush-{user}-0123456789"


@contextmanager
def secured_kafka(folder: Path, authority: Authority, server: Pair) -> Iterator[SecuredKafka]:
    """The broker of docker-compose.yml with more listeners. It refuses whoever has no ACL; only its own plain listener
    may do everything."""
    jars = kafka_jars()
    home = folder / "kafka"
    names = ("LOGIN", "CERTIFICATE", "EXPIRED", "INTERNAL", "CONTROLLER")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    addresses = {name: f"{LOOPBACK}:{port}" for name, port in ports.items()}
    properties = kafka_properties() | {
        "controller.quorum.voters": f"1@{addresses['CONTROLLER']}",
        "listeners": ",".join(f"{name}://{address}" for name, address in addresses.items()),
        "advertised.listeners": ",".join(f"{name}://{addresses[name]}" for name in names[:-1]),
        "listener.security.protocol.map": "LOGIN:SASL_SSL,CERTIFICATE:SSL,EXPIRED:SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "listener.name.login.sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.login.scram-sha-256.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        "listener.name.certificate.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": server.both,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": authority.file,
        "listener.name.expired.ssl.keystore.location": authority.issue("expired", -DAY).both,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "log.dirs": home / "data",
    }
    text = "".join(f"{name}={value}\n" for name, value in properties.items())
    scram = [
        part
        for user in USERS
        for part in ("--add-scram", f"SCRAM-SHA-256=[name=allocast-{user},password={password(user)}]")
    ]
    log = folder / "kafka.log"
    command = apache_kafka.start(home, text, scram, jars)
    with running(command, ports["LOGIN"], log):
        yield SecuredKafka(
            login=addresses["LOGIN"],
            certificate=addresses["CERTIFICATE"],
            expired=addresses["EXPIRED"],
            plain=addresses["INTERNAL"],
            log=log,
        )


def rules(text: str) -> list[dict[str, Any]]:
    """The lines of acls.txt as kafka-acls.sh reads them: one rule per operation."""
    found = []
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        options: dict[str, list[str]] = {}
        for name, value in zip(words[::2], words[1::2], strict=True):
            options.setdefault(name, []).append(value)
        (principal,) = options.pop("--allow-principal")
        (pattern,) = options.pop("--resource-pattern-type", ["literal"])
        operations = options.pop("--operation")
        ((kind, (resource,)),) = options.items()
        found += [
            {"principal": principal, "operation": one, "kind": kind[2:], "name": resource, "pattern": pattern}
            for one in operations
        ]
    return found


def allow(kafka: SecuredKafka) -> None:
    """Give the broker the shipped rules."""
    from kafka.admin import (
        ACL,
        ACLOperation,
        ACLPermissionType,
        ACLResourcePatternType,
        KafkaAdminClient,
        ResourcePattern,
        ResourceType,
    )

    operations = {"describeconfigs": "DESCRIBE_CONFIGS"}
    acls = [
        ACL(
            principal=rule["principal"],
            host="*",
            operation=ACLOperation[operations.get(rule["operation"].lower(), rule["operation"].upper())],
            permission_type=ACLPermissionType.ALLOW,
            resource_pattern=ResourcePattern(
                ResourceType[rule["kind"].upper()],
                rule["name"],
                ACLResourcePatternType[rule["pattern"].upper()],
            ),
        )
        for rule in rules(ACLS.read_text(encoding="utf-8"))
    ]
    with KafkaAdminClient(bootstrap_servers=kafka.plain) as admin:
        admin.create_acls(acls)


@contextmanager
def secured_redis(folder: Path, authority: Authority, server: Pair) -> Iterator[int]:
    """The TLS port of a Redis with the users of deploy/redis; it has no other port."""
    secrets = folder / "redis-secrets"
    secrets.mkdir()
    for user in ("worker", "reader", "doctor"):
        (secrets / f"redis-{user}-password").write_text(password(user))
    (port,) = free_ports(1)
    data = folder / "redis-data"
    data.mkdir()
    deploy = ROOT / "deploy" / "redis"
    options = {
        "port": "0", "tls-port": str(port), "bind": LOOPBACK, "dir": str(data), "appendonly": "yes", "save": "",
        "tls-cert-file": str(server.certificate), "tls-key-file": str(server.key),
        "tls-ca-cert-file": str(authority.file), "tls-auth-clients": "no",
    }  # fmt: skip
    command = [str(deploy / "start.sh"), str(deploy / "users.acl"), str(secrets)]
    command += [part for name, value in options.items() for part in (f"--{name}", value)]
    environment: Mapping[str, str] = {
        **os.environ,
        "PATH": f"{embedded_redis.binary().parent}:{os.environ['PATH']}",
    }
    with running(command, port, folder / "redis.log", environment):
        yield port
