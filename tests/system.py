"""The whole product as a child process: `allocast up`, and the questions a user or an engineer asks it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.process_table import family, started_under
from launcher.run_file import RunFile, read
from producers.settings import Settings, load_settings

ALLOCAST = [sys.executable, "-m", "launcher.cli"]
FEW_EPOCHS = {"ALLOCAST_LSTM_SEEDS": "1", "ALLOCAST_LSTM_EPOCHS": "1"}


@dataclass
class System:
    """A running `allocast up`."""

    process: subprocess.Popen[bytes]
    folder: Path
    log: Path

    @property
    def settings(self) -> Settings:
        """The addresses it serves at, as any other terminal would find them."""
        os.environ["ALLOCAST_STATE_DIR"] = str(self.folder)
        return load_settings()

    @property
    def run(self) -> RunFile:
        found = read(self.folder)
        assert found is not None, self.log.read_text()
        return found

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another `allocast` command against it."""
        environment = {**os.environ, "ALLOCAST_STATE_DIR": str(self.folder)}
        return subprocess.run(
            [*ALLOCAST, *arguments], env=environment, capture_output=True, text=True, timeout=180
        )

    def json(self, *arguments: str) -> Any:
        """The JSON object that a command prints; fails with its error otherwise."""
        done = self.ask(*arguments, "--json")
        assert done.returncode == 0, done.stderr + self.logs()
        return json.loads(done.stdout)

    def logs(self) -> str:
        """The end of every service's log, for a failing test."""
        return "".join(
            f"\n--- {path.name}\n{path.read_text(errors='replace')[-1500:]}"
            for path in sorted(self.folder.glob("logs/*.log"))
        )

    def pid(self, service: str) -> int:
        """Process id of a service."""
        return int(self.json("status")["services"][service]["pid"])

    @contextmanager
    def standing_still(self, service: str) -> Iterator[None]:
        """A service and its children do nothing for as long as the block runs."""
        stopped = family(self.pid(service))
        for one in stopped:
            os.kill(one, signal.SIGSTOP)
        try:
            yield
        finally:
            for one in stopped:
                os.kill(one, signal.SIGCONT)

    def stop(self) -> None:
        """Ctrl-C; every process must be gone."""
        socket = Path(self.run.supervisor_socket)
        assert started_under(socket)
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(60) == 0, self.log.read_text()
        assert started_under(socket) == []


@contextmanager
def system(folder: Path, *arguments: str) -> Iterator[System]:
    """`allocast up` on a free port until the block ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "up.log"
    environment = {**os.environ, **FEW_EPOCHS, "ALLOCAST_STATE_DIR": str(folder)}
    command = [*ALLOCAST, "up", "--state-dir", str(folder), "--port", "0", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, start_new_session=True
        )
    running = System(process, folder, log)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def records(settings: Settings, topic: str) -> list[Any]:
    """Every record of a topic so far, as kafka-python returns them."""
    from kafka import KafkaConsumer, TopicPartition

    from producers.kafka_client import client_config

    consumer = KafkaConsumer(**client_config(settings), group_id=None, enable_auto_commit=False)
    try:
        numbers = consumer.partitions_for_topic(topic) or ()
        partitions = [TopicPartition(topic, number) for number in numbers]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(partitions)
        found: list[Any] = []
        while any(consumer.position(one) < ends[one] for one in partitions):
            for batch in consumer.poll(timeout_ms=500).values():
                found += batch
        return found
    finally:
        consumer.close()


def messages(settings: Settings, topic: str) -> list[Any]:
    """The values of a JSON topic so far."""
    return [json.loads(record.value) for record in records(settings, topic)]
