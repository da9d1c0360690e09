"""supervisord with trivial programs: restart, order of the end, odd paths, nothing left."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from launcher.process_table import rss_bytes, started_under
from launcher.supervision import Supervisor, tail
from launcher.supervisor_client import ProcessState
from launcher.supervisor_config import Program
from launcher.watch import GIVEN_UP_S, Watch
from tests.services import until

ODD_NAME = "a %(x)s ; #b 'q' \" ü%"


def python(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


SLEEP = python("import signal; signal.pause()")
# Its child is in the same process group but ignores SIGTERM and outlives its parent.
PARENT = python(
    "import signal, subprocess, sys; subprocess.Popen([sys.executable, '-c', "
    "'import signal; signal.signal(15, signal.SIG_IGN); signal.pause()']); signal.pause()"
)


@contextmanager
def supervised(logs: Path, *programs: Program) -> Iterator[Supervisor]:
    supervisor = Supervisor(programs, logs, os.environ)
    try:
        supervisor.start()
        until(supervisor.states, "supervisord answers")
        yield supervisor
    finally:
        supervisor.shutdown()


def test_a_killed_program_is_started_again_and_none_is_left(tmp_path: Path) -> None:
    programs = (
        Program("redis", SLEEP, kind="store", settled_s=1),
        Program("worker", PARENT, settled_s=1, stop_s=2),
    )
    with supervised(tmp_path / ODD_NAME, *programs) as supervisor:
        until(lambda: supervisor.states()["worker"].state == "RUNNING", "the worker runs")
        first = supervisor.states()["worker"].pid
        until(
            lambda: len(started_under(supervisor.socket_file)) == 4,
            "supervisord, redis, the worker and its child run",
        )
        assert rss_bytes(first) > rss_bytes(supervisor.states()["redis"].pid)
        os.kill(first, signal.SIGKILL)
        until(lambda: supervisor.states()["worker"].pid not in (0, first), "the worker runs again")
        assert supervisor.last_end("worker") == "terminated by SIGKILL"
        socket_file = supervisor.socket_file
    assert started_under(socket_file) == []
    assert not supervisor.alive()
    assert not socket_file.parent.exists()


def test_logs_and_ends_are_told(tmp_path: Path) -> None:
    logs = tmp_path / ODD_NAME
    logs.mkdir()
    (logs / "once.log").write_text("of an earlier run\n", encoding="utf-8")
    once = Program("once", python(f"print({ODD_NAME!r}, flush=True); raise SystemExit(3)"), kind="once")
    with supervised(logs, once, Program("worker", SLEEP, autostart=False)) as supervisor:
        until(lambda: supervisor.states()["once"].state == "EXITED", "it ended")
        assert supervisor.states()["once"].exit_status == 3
        assert supervisor.last_end("once") == "exit status 3"
        assert supervisor.last_words("once") == [ODD_NAME]
        assert supervisor.last_words("once") == []

        assert supervisor.states()["worker"].state == "STOPPED"
        supervisor.start_again("worker", "worker")
        until(lambda: supervisor.states()["worker"].pid, "it runs")
        supervisor.stop_programs("worker", "unknown")
        until(lambda: supervisor.states()["worker"].state == "STOPPED", "it stopped")


def test_services_stop_before_stores(tmp_path: Path) -> None:
    note = "import signal, time; signal.signal(15, lambda *_: (open({0!r}, 'w').close(), exit(0))); signal.pause()"
    files = {name: tmp_path / name for name in ("redis", "worker")}
    programs = (
        Program("redis", python(note.format(str(files["redis"]))), kind="store", settled_s=1),
        Program("worker", python(note.format(str(files["worker"]))), settled_s=1),
    )
    with supervised(tmp_path / "logs", *programs) as supervisor:
        until(lambda: [s.state for s in supervisor.states().values()] == ["RUNNING"] * 2, "both run")
    assert files["worker"].stat().st_mtime_ns < files["redis"].stat().st_mtime_ns


def test_a_long_temporary_folder_does_not_break_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with supervised(tmp_path / "logs", Program("worker", SLEEP)) as supervisor:
        assert len(str(supervisor.socket_file)) < 100
        assert supervisor.socket_file.parent.stat().st_mode & 0o777 == 0o700


def process(name: str = "worker", state: str = "RUNNING", pid: int = 7, **given: object) -> ProcessState:
    return ProcessState(
        name=name,
        group=str(given.get("group", "service")),
        state=state,
        pid=pid,
        exit_status=int(str(given.get("exit_status", 0))),
        started_s=0,
        up_s=0,
    )


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (process(), []),
        (process(pid=8, state="STARTING"), ["worker"]),
        (process(pid=0, state="BACKOFF"), ["worker"]),
        (process(pid=0, state="STOPPED"), []),
        (process(state="STOPPING"), []),
    ],
)
def test_watch_tells_a_death_from_a_wanted_stop(second: ProcessState, expected: list[str]) -> None:
    watch = Watch()
    assert list(watch.ended({"worker": process()})) == []
    assert list(watch.ended({"worker": second})) == expected
    assert list(watch.ended({"worker": second})) == []


def test_watch_tells_a_first_start_that_failed() -> None:
    watch = Watch()
    assert list(watch.ended({"worker": process(pid=0, state="BACKOFF")})) == ["worker"]
    done = process("topics", state="EXITED", pid=0, group="once")
    assert list(watch.ended({"topics": done})) == []


def test_watch_starts_what_was_given_up_again_after_a_pause() -> None:
    watch = Watch()
    failed = {
        "worker": process(pid=0, state="FATAL"),
        "topics": process("topics", state="EXITED", pid=0, group="once", exit_status=1),
        "redis": process("redis"),
    }
    assert watch.to_start_again(failed, 100.0) == []
    assert watch.to_start_again(failed, 100.0 + GIVEN_UP_S) == ["worker", "topics"]
    assert watch.to_start_again(failed, 100.0 + GIVEN_UP_S + 1) == []


def test_tail_reads_only_the_end_of_a_large_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(100_000)), encoding="utf-8")
    started = time.monotonic()
    assert tail(log, 2) == ["line 99998", "line 99999"]
    assert time.monotonic() - started < 1
    assert tail(tmp_path / "none", 2) == []
