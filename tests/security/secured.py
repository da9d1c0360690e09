"""Servers that ask for TLS, a login and permissions, and services that are started there as compose starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from launcher.free_port import LOOPBACK
from producers.settings import Settings, load_settings
from tests import compose
from tests.manifests import PODS
from tests.security.certificates import Authority
from tests.security.servers import SecuredKafka, password


@dataclass
class Secured:
    """Both servers and what a client needs to reach them."""

    kafka: SecuredKafka
    redis_port: int
    authority: Authority
    folder: Path
    metrics_port: int
    page_port: int

    @property
    def home(self) -> Path:
        """Where services are started: the home of the image's user, and not where the code is."""
        return self.folder / "home"

    def addresses(self) -> dict[str, str]:
        """Where things are on this machine instead; loopback, where nobody would log in to the page unasked."""
        return {
            "ALLOCAST_HOST": LOOPBACK,
            "ALLOCAST_LOGIN": "required",
            "ALLOCAST_PORT": str(self.page_port),
            "ALLOCAST_METRICS_HOST": LOOPBACK,
            "ALLOCAST_METRICS_PORT": str(self.metrics_port),
            "ALLOCAST_STATE_DIR": str(self.folder / "state"),
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.login,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_CA_FILE": str(self.authority.file),
            "REDIS_URL": f"rediss://{LOOPBACK}:{self.redis_port}/0",
            "REDIS_CA_FILE": str(self.authority.file),
            "HTTPS_PROXY": f"http://{LOOPBACK}:9",  # no Yahoo, also where there is one
        }

    def container(self, name: str, **changed: str) -> dict[str, str]:
        """All variables of a service: compose's own, the addresses here, and the users that the manifests name."""
        (pod,) = PODS[name]["containers"]
        users = {one["name"]: one["value"] for one in pod["env"]}
        return {
            **compose.environment(name),
            **self.addresses(),
            **users,
            "HOME": str(self.home),
            "ALLOCAST_SECRETS_DIR": str(self._secrets(name, users)),
            **changed,
        }

    def person(self, user: str, redis_user: str, **changed: str) -> dict[str, str]:
        """What somebody at a terminal sets, whose passwords are variables, too."""
        return {
            **compose.COMPOSE["x-env"],
            **self.addresses(),
            "KAFKA_USERNAME": f"allocast-{user}",
            "KAFKA_PASSWORD": password(user),
            "REDIS_USERNAME": f"allocast-{redis_user}",
            "REDIS_PASSWORD": password(redis_user),
            **changed,
        }

    def settings(self, user: str, redis_user: str = "worker", **changed: str) -> Settings:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.person(user, redis_user, **changed).items():
                patch.setenv(name, value)
            return load_settings()

    def _secrets(self, name: str, users: dict[str, str]) -> Path:
        """A folder with the service's secrets alone, as they are mounted."""
        passwords = {
            "KAFKA_PASSWORD": password(users["KAFKA_USERNAME"].removeprefix("allocast-")),
            "REDIS_PASSWORD": password(users["REDIS_USERNAME"].removeprefix("allocast-")),
            "ALLOCAST_OPERATOR_PASSWORD": password("page"),
        }
        folder = self.folder / "secrets" / name
        folder.mkdir(parents=True, exist_ok=True)
        for secret in ("KAFKA_PASSWORD", *compose.SERVICES[name]["secrets"]):
            (folder / secret).write_text(passwords[secret])
        return folder


def start(secured: Secured, name: str, **changed: str) -> subprocess.Popen[bytes]:
    """A service, by its very command."""
    with (secured.folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            compose.command(name),
            env=secured.container(name, **changed),
            cwd=secured.home,
            stdout=log,
            stderr=log,
        )


def ended(secured: Secured, name: str, **changed: str) -> subprocess.CompletedProcess[str]:
    """The same of a service that shall end by itself."""
    return _run(secured, compose.command(name), secured.container(name, **changed))


def checked(secured: Secured, name: str) -> subprocess.CompletedProcess[str]:
    """A service's health check, which knows the page by the port that it has there."""
    there = compose.SERVICES[name]["environment"]["ALLOCAST_PORT"]
    check = [part.replace(f":{there}/", f":{secured.page_port}/") for part in compose.health_check(name)]
    return _run(secured, check, secured.container(name))


def typed(secured: Secured, user: str, redis_user: str, *command: str) -> subprocess.CompletedProcess[str]:
    """`allocast` with these arguments, by a person."""
    program = [sys.executable, "-m", "launcher.cli", *command]
    return _run(secured, program, {**os.environ, **secured.person(user, redis_user)})


def _run(secured: Secured, command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, env=env, cwd=secured.home, capture_output=True, text=True, timeout=60)
    assert "hush-" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done
