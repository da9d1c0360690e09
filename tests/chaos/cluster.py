"""Apache Kafka, Redis and our services as `allocast up` starts them, each a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from launcher import apache_kafka, embedded_redis, plan
from launcher.create_topics import ensure_topics
from launcher.free_port import LOOPBACK, answers, free_ports, free_row
from producers import metrics
from producers.alive import problem
from producers.settings import Settings, load_settings
from producers.universe import Universe, load_universe
from tests.chaos.group import Group
from tests.chaos.server import Server
from tests.services import kafka_jars, until

SYMBOLS = 40
PARTITIONS = 6
READY_S = 120.0
ON_ANY_PORT = plan.Options(port=0)


class Cluster:
    """What is attacked. A service that ends by itself is started again, as the supervisor would."""

    def __init__(self, folder: Path, universe: str, options: plan.Options) -> None:
        """universe : the text of the file that names every symbol. options : of `allocast up`."""
        jars = kafka_jars()
        kafka_port, redis_port = free_ports(2)
        self.universe_file = folder / "universe.toml"
        self.universe_file.write_text(universe, encoding="utf-8")
        self.settings: Settings = load_settings(
            kafka_bootstrap_servers=f"{LOOPBACK}:{kafka_port}",
            redis_url=f"redis://{LOOPBACK}:{redis_port}/0",
            state_dir=folder / "state",
            universe_file=self.universe_file,
            partitions=PARTITIONS,
        )
        self.universe: Universe = load_universe(self.universe_file)
        self._folder = folder
        self._plan = plan.make(options, self.settings, self._inherited())
        self.url = self._plan.url
        self.kafka = Server(
            "kafka",
            apache_kafka.command(folder, kafka_port, jars),
            folder / "kafka.log",
            ready=lambda: answers(LOOPBACK, kafka_port),
        )
        self.redis = Server(
            "redis",
            embedded_redis.command(folder, redis_port),
            folder / "redis.log",
            ready=lambda: answers(LOOPBACK, redis_port),
        )
        self.workers: list[Server] = []
        self.others: list[Server] = []  # the services beside the workers
        self.group = Group(self.settings)
        self.ended_by_themselves = 0
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def _inherited(self) -> dict[str, str]:
        return {
            **os.environ,
            "ALLOCAST_UNIVERSE_FILE": str(self.universe_file),
            "ALLOCAST_PARTITIONS": str(PARTITIONS),
        }

    def _program(self, name: str) -> tuple[str, ...]:
        return next(program.command for program in self._plan.programs if program.name == name)

    def open(self) -> None:
        """Start the stores, create the topics, apply the features."""
        self.kafka.start()
        self.redis.start()
        features = subprocess.Popen(
            self._program("features"), env=self._plan.environment, stderr=subprocess.DEVNULL
        )
        for server in (self.kafka, self.redis):
            until(server.ready, f"{server.name} answers", READY_S)
        ensure_topics(self.settings)
        assert features.wait(READY_S) == 0
        self._keeper.start()

    def close(self) -> None:
        """End every process that was started here."""
        self._stopping.set()
        if self._keeper.is_alive():
            self._keeper.join()
        self.group.close()
        for server in (*self.others, *self.workers, self.redis, self.kafka):
            server.kill()

    def add_worker(self) -> Server:
        """Start one more worker; it owns nothing until it has joined the group."""
        number = len(self.workers)
        log = self._folder / f"worker-{number}.log"
        base = free_row(len(metrics.SERVICES))
        environment = {**self._plan.environment, "ALLOCAST_METRICS_PORT": str(base)}
        port = base + metrics.SERVICES.index("worker")
        worker = Server(
            f"worker {number}",
            self._program("worker"),
            log,
            environment,
            ready=lambda: problem("worker", port, ready=True) == "",
        )
        worker.start()
        self.workers.append(worker)
        return worker

    def add_service(self, name: str, universe_file: Path, ready: Callable[[], bool] | None = None) -> Server:
        """Start a service that is no worker, with a universe of its own.

        ready : when it has begun its work; by default its metrics tell.
        """

        def serves() -> bool:
            return problem(name, metrics.port_of(self._plan.settings, name), ready=True) == ""

        service = Server(
            name,
            self._program(name),
            self._folder / f"{name}.log",
            {**self._plan.environment, "ALLOCAST_UNIVERSE_FILE": str(universe_file)},
            ready=ready or serves,
        )
        service.start()
        self.others.append(service)
        return service

    def stalled_worker(self, limit_s: float) -> Server:
        """A worker that will stand still, to be started; nobody starts it again."""
        environment = {**self._plan.environment, "ALLOCAST_STUCK_AFTER_S": str(limit_s)}
        command = (sys.executable, "-m", "tests.chaos.stalled_worker")
        return Server("stalled worker", command, self._folder / "stalled.log", environment)

    def _keep(self) -> None:
        while not self._stopping.wait(0.2):
            for one in (*self.workers, *self.others):
                self.ended_by_themselves += one.revive()

    def shared_by(self, members: int) -> None:
        """Wait until so many workers own every partition between them, and each owns some."""

        def shared() -> bool:
            owned = self.group.owners()
            every = sorted(number for one in owned for number in one)
            return len(owned) == members and all(owned) and every == list(range(PARTITIONS))

        until(shared, f"{members} workers share the partitions", READY_S, every_s=0.2)


@contextmanager
def cluster(folder: Path, universe: str = "", options: plan.Options = ON_ANY_PORT) -> Iterator[Cluster]:
    """A cluster without workers, until the block ends. universe : as of Cluster; by default SYMBOLS made-up assets."""
    started = Cluster(folder, universe or universe_of(SYMBOLS), options)
    try:
        started.open()
        yield started
    finally:
        started.close()


def universe_of(symbols: int) -> str:
    """A universe file with so many made-up assets."""
    asset = '[[asset]]\nid = "a{0}"\nsymbol = "SYM{0}"\nname = "Asset {0}"\nkind = "price"\n'
    return "\n".join(
        asset.format(number) + 'calendar = "sessions"\nunit = "USD"\n' for number in range(symbols)
    )
