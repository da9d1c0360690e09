"""`allocast up` as a process: readiness, restarts, the end, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from launcher import run_file
from launcher.free_port import free_ports
from launcher.process_table import started_under
from launcher.status import lines, status
from launcher.topic_reader import list_topics
from producers import topics
from producers.settings import load_settings
from tests.services import until

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for orphans in /proc")


@dataclass
class Up:
    """A running `allocast up` and what it wrote."""

    process: subprocess.Popen[bytes]
    state: Path
    out: Path
    errors: Path

    def said(self, text: str, times: int = 1) -> bool:
        return self.errors.read_text(encoding="utf-8").count(text) >= times

    def run(self) -> run_file.RunFile:
        until(lambda: run_file.read(self.state), "run.json is there")
        content = run_file.read(self.state)
        assert content is not None
        return content

    def left(self) -> list[int]:
        return started_under(self.socket)

    def __post_init__(self) -> None:
        self.socket = Path(self.run().supervisor_socket)

    def services(self) -> dict[str, Any]:
        found: dict[str, Any] = status(self.state)["services"]
        return found


@contextmanager
def small_up(folder: Path) -> Iterator[Up]:
    state, out, errors = folder / "state", folder / "out", folder / "errors"
    state.mkdir()
    command = [sys.executable, "-m", "tests.launcher.small_up", str(free_ports(1)[0])]
    environment = {**os.environ, "ALLOCAST_STATE_DIR": str(state)}
    with (
        out.open("wb") as stdout,
        errors.open("wb") as stderr,
        subprocess.Popen(command, stdout=stdout, stderr=stderr, env=environment) as process,
    ):
        try:
            yield Up(process, state, out, errors)
        finally:
            process.terminate()
            process.wait(60)


def test_life_of_up(tmp_path: Path) -> None:
    with small_up(tmp_path) as up:
        until(lambda: up.said("Ctrl-C stops everything"), "everything is ready", 60)
        for name in ("broker", "redis", "producer", "worker", "monitor", "training", "dashboard"):
            assert up.said(f"ready  {name}")
        announced = json.loads(up.out.read_text(encoding="utf-8"))
        assert announced["url"] == up.run().url
        assert stat.S_IMODE((up.state / "run.json").stat().st_mode) == 0o600

        found = status(up.state)
        assert found["running"]
        assert found["page_answers"]
        assert found["feed"] == "auto"  # no producer has said yet which it takes
        assert all(one["memory_bytes"] > 0 for one in found["services"].values())
        assert len(lines(found)) == 1 + 7 + 2

        # Another terminal finds the services through run.json alone.
        rows = {row["name"]: row["partitions"] for row in list_topics(load_settings())}
        assert rows[topics.TICKS] == 12
        assert rows[topics.DRIFT] == 1

        environment = {**os.environ, "ALLOCAST_STATE_DIR": str(up.state)}
        allocast = [sys.executable, "-m", "launcher.cli"]
        second = subprocess.run([*allocast, "up"], capture_output=True, text=True, env=environment)
        assert second.returncode == 2
        assert f"pid {up.process.pid}" in second.stderr

        worker = up.services()["worker"]["pid"]
        os.kill(worker, signal.SIGKILL)
        until(lambda: up.said("ended  worker     (terminated by SIGKILL)"), "the death is reported")
        until(lambda: up.said("ready  worker", times=2), "the worker runs again")
        assert up.services()["worker"]["pid"] != worker

        derived = up.state / "offline" / "part.parquet"
        derived.parent.mkdir(exist_ok=True)
        derived.touch()
        pids = {name: one["pid"] for name, one in up.services().items()}
        os.kill(pids["broker"], signal.SIGKILL)
        until(lambda: up.said("lost its log"), "the loss is reported")
        until(lambda: up.said("ready  monitor", times=2), "the readers run again", 60)
        assert not derived.exists()
        now = {name: one["pid"] for name, one in up.services().items()}
        assert {name for name in now if now[name] == pids[name]} == {"redis"}
        rows = {row["name"]: row["partitions"] for row in list_topics(load_settings())}
        assert rows[topics.TICKS] == 12

        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(60) == 0
        assert up.left() == []
        assert not (up.state / "run.json").exists()
        assert not up.socket.parent.exists()
        assert status(up.state) == {"running": False, "state_dir": str(up.state)}


def test_nothing_outlives_an_up_that_was_killed(tmp_path: Path) -> None:
    with small_up(tmp_path) as up:
        until(lambda: up.said("ready  broker"), "the services are starting")
        assert up.left()
        up.process.kill()
        until(lambda: not up.left(), "everything is gone")
        assert not run_file.is_held(up.state)  # and the leftover run.json does not stand in the way


def test_up_fails_and_cleans_up_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with small_up(tmp_path) as up:
        until(lambda: up.said("ready  redis"), "Redis runs")
        assert any(b"redis-server" in Path(f"/proc/{one}/cmdline").read_bytes() for one in up.left())
        (supervisor,) = [
            int(stat_file.parent.name)
            for stat_file in Path("/proc").glob("[0-9]*/stat")
            if stat_file.read_text(errors="replace").rpartition(")")[2].split()[1] == str(up.process.pid)
        ]
        os.kill(supervisor, signal.SIGKILL)
        assert up.process.wait(60) == 1
        assert up.said("the supervisor died")
        assert up.left() == []


def test_stopped_while_starting(tmp_path: Path) -> None:
    with small_up(tmp_path) as up:
        up.process.send_signal(signal.SIGTERM)
        assert up.process.wait(60) == 0
        assert up.left() == []
