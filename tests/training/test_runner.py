"""The training process: whatever happens to it, its request ends with exactly one final event."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator

import pytest

from producers.request import TrainingRequest
from tests.services import until
from training.events import ModelEvent
from training.job import explained
from training.runner import Runner

REQUEST = TrainingRequest("manual", "k1", 1)

FINISHES = """
import sys, msgspec
request = msgspec.json.decode(sys.stdin.buffer.readline())
for kind, final in (("training", False), ("promoted", True)):
    print(msgspec.json.encode({"kind": kind, "version": "v", "reason": "manual", "at_ms": 1,
        "idempotency_key": request["idempotency_key"], "final": final}).decode(), flush=True)
print("a library prints to standard output")
"""
DIES = "import os, sys, signal; sys.stdin.readline(); os.kill(os.getpid(), signal.SIGKILL)"
HANGS = "import sys, time; sys.stdin.readline(); time.sleep(600)"


@pytest.fixture
def script(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    """A runner whose child runs the given script instead of the real training."""
    import subprocess

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", request.param], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    monkeypatch.setattr(Runner, "_start", staticmethod(start))
    runner = Runner(timeout_s=1.0 if request.param == HANGS else 60.0)
    yield runner
    runner.stop()


def events(runner: Runner) -> list[ModelEvent]:
    told: list[ModelEvent] = []

    def over() -> bool:
        told.extend(runner.events())
        return not runner.busy

    runner.begin(REQUEST)
    until(over, "the training has ended")
    return told


@pytest.mark.parametrize("script", [FINISHES], indirect=True)
def test_events_are_passed_on_and_the_next_request_gets_a_new_child(script: Runner) -> None:
    assert [event.kind for event in events(script)] == ["training", "promoted"]
    assert [event.kind for event in events(script)] == ["training", "promoted"]
    assert script.peak_rss_kib > 0


@pytest.mark.parametrize(
    ("script", "says"), [(DIES, "ended with code -9"), (HANGS, "took longer")], indirect=["script"]
)
def test_a_child_that_dies_or_hangs_fails_its_request(script: Runner, says: str) -> None:
    (last,) = events(script)
    assert last.kind == "failed"
    assert last.final
    assert last.idempotency_key == "k1"
    assert says in last.detail


SHADOW = FINISHES.replace('("promoted", True)', '("shadow", False)')


@pytest.mark.parametrize("script", [SHADOW], indirect=True)
def test_a_training_that_ends_in_a_shadow_has_not_failed(script: Runner) -> None:
    assert [event.kind for event in events(script)] == ["training", "shadow"]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "model.onnx"), "the disk is full (model.onnx)"),
        (MemoryError(), "ALLOCAST_TRAINING_MEMORY_MIB"),
        (RuntimeError("(sqlite3.OperationalError) database is locked"), "the champion stays"),
        (ValueError("too short"), "ValueError: too short"),
    ],
)
def test_what_went_wrong_is_said_with_what_to_do(error: Exception, says: str) -> None:
    assert says in explained(error)


def test_memory_beyond_the_limit_is_refused_to_the_training_alone() -> None:
    script = "from training.job import limit_memory; limit_memory(600); bytearray(2**30)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "MemoryError" in done.stderr
