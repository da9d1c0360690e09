"""What `allocast up` decides before anything starts, and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from launcher import log_loss, plan, run_file
from launcher.log_loss import LogLoss, Step
from launcher.plan import READERS, Options
from launcher.supervisor_client import ProcessState
from producers.errors import FixAndRestart
from producers.settings import load_settings


def test_embedded_by_default(tmp_path: Path) -> None:
    decided = plan.make(Options(seed=7, shock=True, speed=2.0), load_settings(), {"PATH": "/bin"})
    assert (decided.broker, decided.redis_is_ours, decided.feed) == ("embedded", True, "auto")
    assert decided.forgets
    programs = {program.name: program for program in decided.programs}
    assert list(programs) == ["broker", "redis", "topics", "features", *READERS]
    assert programs["producer"].command == (
        *(sys.executable, "-O", "-P", "-m", "producers"),
        *("--feed", "auto", "--speed", "2.0", "--seed", "7", "--shock"),
    )
    assert not any(programs[name].autostart for name in READERS)
    environment = decided.environment
    assert environment["KAFKA_BOOTSTRAP_SERVERS"].startswith("127.0.0.1:")
    assert environment["REDIS_URL"].startswith("redis://127.0.0.1:")
    assert environment["ALLOCAST_STATE_DIR"] == str(tmp_path / "state")
    assert environment["ALLOCAST_KAFKA_SESSION_S"] == "4.0"
    assert environment["PATH"] == "/bin"


def test_given_addresses_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.example:9092")
    monkeypatch.setenv("REDIS_URL", "redis://:secret@redis.example/0")
    decided = plan.make(Options(broker="apache", host="0.0.0.0"), load_settings(), {})  # noqa: S104
    assert (decided.broker, decided.redis_is_ours, decided.forgets) == ("external", False, False)
    programs = {program.name: program for program in decided.programs}
    assert "broker" not in programs
    assert "redis" not in programs
    assert all(programs[name].autostart for name in READERS)
    assert decided.environment["KAFKA_BOOTSTRAP_SERVERS"] == "kafka.example:9092"
    assert decided.environment["ALLOCAST_KAFKA_SESSION_S"] == "6.0"
    assert decided.url.startswith("http://127.0.0.1:")
    assert "secret" not in repr(decided.settings)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (Options(feed="csv"), "needs --data DIR"),
        (Options(feed="csv", data=Path("no-such-folder")), "expected an existing folder"),
        (Options(feed="csv", data=Path(__file__).parent), "expected at least one of gold.csv"),
        (Options(data=Path()), "add --feed csv"),
        (Options(speed=0.0), "--speed: expected more than 0"),
        (Options(speed=float("nan")), "--speed: expected more than 0"),
        (Options(replay=-1), "--replay: expected 0 or more"),
    ],
)
def test_wrong_options_are_refused(options: Options, sentence: str) -> None:
    with pytest.raises(FixAndRestart, match=sentence):
        plan.check(options, load_settings())


def test_a_folder_with_one_asset_will_do(tmp_path: Path) -> None:
    (tmp_path / "gold.csv").write_text("date,close\n", encoding="utf-8")
    plan.check(Options(feed="csv", data=tmp_path), load_settings())


def test_only_one_up_per_state_folder(tmp_path: Path) -> None:
    with run_file.only_one(tmp_path):
        assert run_file.is_held(tmp_path)
        with (
            pytest.raises(FixAndRestart, match="another `allocast up` runs there"),
            run_file.only_one(tmp_path),
        ):
            pass
    assert not run_file.is_held(tmp_path)
    assert not run_file.is_held(tmp_path / "none")


def test_a_leftover_run_file_is_not_believed(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "run.json").write_text('{"kafka_bootstrap_servers": "dead:1"}', encoding="utf-8")
    assert run_file.read(state) is None
    assert load_settings().kafka_bootstrap_servers == "dead:1"
    with run_file.only_one(state):
        assert "kafka_bootstrap_servers" not in load_settings().model_fields_set


class Recorded:
    """Stands in for the supervisor."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []

    def start_again(self, *names: str) -> None:
        self.calls.append(("start", *names))

    def stop_programs(self, *names: str) -> None:
        self.calls.append(("stop", *names))


def states(broker_pid: int, topics: str = "EXITED", readers: str = "RUNNING") -> dict[str, ProcessState]:
    def one(name: str, state: str, pid: int) -> ProcessState:
        return ProcessState(name, "service", state, pid, 0, 0, 0)

    broker = one("broker", "RUNNING" if broker_pid else "STOPPED", broker_pid)
    return {"broker": broker, "topics": one("topics", topics, 0)} | {
        name: one(name, readers, 9 if readers == "RUNNING" else 0) for name in READERS
    }


def test_readers_start_only_after_the_topics_and_again_after_a_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(log_loss, "flush_redis", flushed.append)
    decided = plan.make(Options(), load_settings(), {})
    recorded = Recorded()
    loss = LogLoss(decided, recorded)
    offline = tmp_path / "state" / "offline"

    assert not loss.update(states(5, topics="RUNNING", readers="STOPPED"))
    assert recorded.calls == []
    assert not loss.update(states(5, readers="STOPPED"))
    assert recorded.calls.pop() == ("start", *READERS)
    offline.mkdir(parents=True)

    assert loss.update(states(6))
    assert recorded.calls.pop() == ("stop", "topics", *READERS)
    assert not loss.update(states(6, readers="STOPPING"))
    assert recorded.calls == []
    loss.update(states(6, readers="STOPPED"))
    assert recorded.calls.pop() == ("stop", "broker")
    assert offline.exists()
    loss.update(states(0, readers="STOPPED"))
    assert recorded.calls.pop() == ("start", "broker", "topics")
    assert not offline.exists()
    assert flushed == [decided.environment["REDIS_URL"]]
    loss.update(states(7, readers="STOPPED"))
    assert recorded.calls.pop() == ("start", *READERS)
    assert loss.step is Step.RUNNING


def test_a_redis_that_is_not_ours_is_never_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://redis.example/0")
    monkeypatch.setattr(log_loss, "flush_redis", lambda url: pytest.fail(f"flushed {url}"))
    kept = tmp_path / "state" / "redis" / "appendonly.aof"
    kept.parent.mkdir(parents=True)
    kept.touch()
    decided = plan.make(Options(), load_settings(), {})
    for redis_runs in (True, False):
        log_loss.forget(decided, redis_runs=redis_runs)
    assert kept.exists()
