"""Servers that ask for TLS, a login and permissions, and services that log in there as docker-compose.yml has them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from producers.settings import Settings, load_settings
from tests.security.certificates import Authority
from tests.security.servers import ROOT, SecuredKafka, password

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


@dataclass
class Secured:
    """Both servers and what a client needs to reach them."""

    kafka: SecuredKafka
    redis_port: int
    authority: Authority
    folder: Path
    metrics_port: int

    def environment(self, user: str, redis_user: str = "worker", **changed: str) -> dict[str, str]:
        """As docker-compose.yml gives it to one service, with the addresses and the login of these servers."""
        return {
            **COMPOSE["x-env"],
            "ALLOCAST_HOST": "127.0.0.1",
            "ALLOCAST_METRICS_HOST": "127.0.0.1",
            "ALLOCAST_METRICS_PORT": str(self.metrics_port),
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.login,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_USERNAME": f"allocast-{user}",
            "KAFKA_PASSWORD": password(user),
            "KAFKA_CA_FILE": str(self.authority.file),
            "REDIS_URL": f"rediss://127.0.0.1:{self.redis_port}/0",
            "REDIS_USERNAME": f"allocast-{redis_user}",
            "REDIS_PASSWORD": password(redis_user),
            "REDIS_CA_FILE": str(self.authority.file),
            "ALLOCAST_STATE_DIR": str(self.folder / "state"),
            "ALLOCAST_PARTITIONS": "2",
            **changed,
        }

    def settings(self, user: str, redis_user: str = "worker", **changed: str) -> Settings:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment(user, redis_user, **changed).items():
                patch.setenv(name, value)
            return load_settings()


def start(
    secured: Secured, user: str, redis_user: str, *command: str, **changed: str
) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **secured.environment(user, redis_user, **changed)}
    with (secured.folder / f"{user}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-O", "-m", *command], env=environment, stdout=log, stderr=log
        )


def refused(
    secured: Secured, *command: str, user: str = "worker", **changed: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-O", "-m", *command],
        env={**os.environ, **secured.environment(user, **changed)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "hush-" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done
