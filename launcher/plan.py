"""What `allocast up` is going to run: addresses, programs and their environment, decided before anything starts."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from launcher import apache_kafka, embedded_broker, embedded_redis
from launcher.free_port import LOOPBACK, free_ports, free_row, page_port
from launcher.supervisor_config import Program
from producers import metrics
from producers.errors import FixAndRestart
from producers.kafka_client import client_config
from producers.settings import Settings
from producers.universe import load_universe

Feed = Literal["auto", "yahoo", "csv", "simulated"]
Broker = Literal["embedded", "apache", "external"]

EMBEDDED_SESSION_S = 4.0  # the embedded broker lets a joining group wait for half of this
SERVICES = ("broker", "redis", "producer", "worker", "monitor", "training", "dashboard")
READERS = ("producer", "worker", "dashboard", "training", "monitor")  # in the order they are started


@dataclass(frozen=True)
class Options:
    """The flags of `allocast up`; None where the service's own default applies."""

    feed: Feed = "auto"
    data: Path | None = None
    speed: float | None = None  # sessions per second
    replay: int | None = None  # sessions
    seed: int | None = None
    ticks: float | None = None  # per second, of the simulated market
    shock: bool = False
    broker: Literal["embedded", "apache"] = "embedded"
    host: str | None = None
    port: int | None = None


@dataclass(frozen=True)
class Plan:
    """Everything decided. `settings` holds the final addresses."""

    settings: Settings
    feed: Feed
    broker: Broker
    redis_is_ours: bool
    programs: tuple[Program, ...]
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """The page, as a browser on this machine reaches it."""
        host = self.settings.host
        seen = LOOPBACK if host in ("0.0.0.0", "") else "[::1]" if host == "::" else host  # noqa: S104
        return f"http://{seen}:{self.settings.port}"

    @property
    def logs(self) -> Path:
        return self.settings.state_dir / "logs"

    @property
    def forgets(self) -> bool:
        """Whether the log of events is lost with the broker's process."""
        return self.broker == "embedded"


def check(options: Options, settings: Settings) -> None:
    """Look at everything a person may have got wrong. Raises FixAndRestart with one sentence."""
    if options.speed is not None and not 0 < options.speed < math.inf:
        raise FixAndRestart(f"--speed: expected more than 0 sessions per second, got {options.speed:g}")
    if options.replay is not None and options.replay < 0:
        raise FixAndRestart(f"--replay: expected 0 or more sessions, got {options.replay}")
    universe = load_universe(settings.universe_file)
    client_config(settings)
    if options.data is not None and options.feed != "csv":
        raise FixAndRestart(f"--data {options.data} is only read by the CSV feed: add --feed csv")
    if options.feed != "csv":
        return
    if options.data is None:
        raise FixAndRestart(
            "--feed csv needs --data DIR, the folder with one CSV file of `date,close` per asset"
        )
    if not options.data.is_dir():
        raise FixAndRestart(f"--data {options.data}: expected an existing folder with CSV files")
    names = [asset.csv_name for asset in universe.asset]
    if not any((options.data / name).is_file() for name in names):
        raise FixAndRestart(f"--data {options.data}: expected at least one of {', '.join(names)}, found none")


def make(options: Options, settings: Settings, environment: Mapping[str, str]) -> Plan:
    """Choose addresses and programs. With --broker apache this may download and format, which takes a while.

    settings : from the environment alone; a Kafka or Redis address given there is used and not replaced.
    Raises FixAndRestart or TryAgain.
    """
    given = settings.model_fields_set
    state = settings.state_dir
    update: dict[str, object] = {}
    stores: list[Program] = []
    host = options.host or settings.host
    asked = options.port if options.port is not None else settings.port if "port" in given else None
    kafka_port, redis_port = free_ports(2)

    broker: Broker = "external" if "kafka_bootstrap_servers" in given else options.broker
    if broker != "external":
        start = (
            embedded_broker.command(kafka_port)
            if broker == "embedded"
            else apache_kafka.command(state, kafka_port)
        )
        stores.append(Program("broker", start, kind="store", settled_s=1))
        update["kafka_bootstrap_servers"] = f"{LOOPBACK}:{kafka_port}"
        update["kafka_security_protocol"] = "PLAINTEXT"
    if broker == "embedded":
        update["kafka_session_s"] = EMBEDDED_SESSION_S
    redis_is_ours = "redis_url" not in given
    if redis_is_ours:
        stores.append(Program("redis", embedded_redis.command(state, redis_port), kind="store", settled_s=1))
        update["redis_url"] = type(settings.redis_url)(f"redis://{LOOPBACK}:{redis_port}/0")
    if "metrics_port" not in given:
        update["metrics_port"] = free_row(len(metrics.SERVICES))
    update["host"] = host
    update["port"] = page_port(host, asked)
    final = settings.model_copy(update=update)
    return Plan(
        settings=final,
        feed=options.feed,
        broker=broker,
        redis_is_ours=redis_is_ours,
        programs=(*stores, *_once(), *_readers(options, autostart=broker != "embedded")),
        environment=_environment(final, environment),
    )


def _once() -> tuple[Program, ...]:
    return (
        Program("topics", _python("launcher.cli", "topics", "create"), kind="once"),
        Program("features", _python("feature_repo.apply"), kind="once"),
    )


def _readers(options: Options, autostart: bool) -> tuple[Program, ...]:
    arguments = ["--feed", options.feed]
    if options.data is not None:
        arguments += ["--data", str(options.data.absolute())]
    for name in ("speed", "replay", "seed", "ticks"):
        value = getattr(options, name)
        if value is not None:
            arguments += [f"--{name}", str(value)]
    if options.shock:
        arguments.append("--shock")
    modules = {
        "producer": _python("producers", *arguments),
        "worker": _python("stream_processors"),
        "dashboard": _python("dashboard"),
        # On a small machine a training takes every core for minutes: the stream and the page go first.
        "training": ("nice", "-n", "5", *_python("training")),
        "monitor": ("nice", "-n", "5", *_python("stream_processors.monitor")),
    }
    return tuple(Program(name, modules[name], autostart=autostart) for name in READERS)


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    """Start a module in this interpreter.

    -O: typeguard instruments all of feast at import unless assertions are off, which costs five of ten seconds.
    -P: without it the folder that `allocast` is called from comes first, and a folder `training` there wins.
    """
    return (sys.executable, "-O", "-P", "-m", module, *arguments)


def _environment(settings: Settings, inherited: Mapping[str, str]) -> dict[str, str]:
    # Training shares the machine with the stream: half of the cores is what NumPy's threads may take.
    threads = str(max(1, min(4, (os.cpu_count() or 2) // 2)))
    return {
        "OMP_NUM_THREADS": threads,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **inherited,
        "PYTHONUNBUFFERED": "1",  # otherwise a log ends in the middle of a line when its process dies
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "KAFKA_SECURITY_PROTOCOL": settings.kafka_security_protocol,
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "ALLOCAST_STATE_DIR": str(settings.state_dir),
        "ALLOCAST_METRICS_PORT": str(settings.metrics_port),
        "ALLOCAST_HOST": settings.host,
        "ALLOCAST_PORT": str(settings.port),
        "ALLOCAST_KAFKA_SESSION_S": str(settings.kafka_session_s),
    }
