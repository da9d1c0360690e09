"""The memory-only broker starts empty: nobody may read it before its topics exist, nor trust what was derived.

Two traps. It creates any topic that a client merely asks about, with four partitions whatever the contract
says, so its readers start only after the topics. And a broker that came back without its log leaves the
worker waiting for offsets that no longer exist, and an online store that refuses new rows because the old
ones carry higher offsets.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from launcher.embedded_redis import data_folder
from launcher.plan import READERS, Plan
from launcher.probes import flush_redis
from launcher.supervisor_client import ProcessState

HALTED = ("STOPPED", "EXITED", "FATAL")


class Programs(Protocol):
    """The part of Supervisor that is needed here."""

    def start_again(self, *names: str) -> None: ...

    def stop_programs(self, *names: str) -> None: ...


class Step(Enum):
    """How far the way from an empty broker to running readers has been gone."""

    STOP_READERS = "waiting until the readers have stopped"
    EMPTY = "waiting until the broker, and with it every topic the readers made up, is gone"
    TOPICS = "waiting for the topics"
    RUNNING = "the readers run"


class LogLoss:
    """Watches the broker's pid; `update` is called with every look at the processes and never blocks for long."""

    def __init__(self, plan: Plan, programs: Programs) -> None:
        self.step = Step.TOPICS if plan.forgets else Step.RUNNING
        self._plan = plan
        self._programs = programs
        self._broker_pid = 0  # 0: not seen yet, or we stop it ourselves

    def update(self, states: Mapping[str, ProcessState]) -> bool:
        """Do the next step. True when the loss of the log was just discovered."""
        if not self._plan.forgets:
            return False
        broker = states["broker"]
        if self.step is not Step.EMPTY:
            lost = self._broker_pid not in (0, broker.pid)
            self._broker_pid = 0 if lost else broker.pid
            if lost:
                self._programs.stop_programs("topics", *READERS)
                self.step = Step.STOP_READERS
                return True
        if self.step is Step.STOP_READERS and _all_halted(states, "topics", *READERS):
            self._programs.stop_programs("broker")
            self._broker_pid = 0
            self.step = Step.EMPTY
        elif self.step is Step.EMPTY and _all_halted(states, "broker"):
            forget(self._plan, redis_runs=True)
            self._programs.start_again("broker", "topics")
            self.step = Step.TOPICS
        elif self.step is Step.TOPICS and topics_are_there(states):
            self._programs.start_again(*READERS)
            self.step = Step.RUNNING
        return False


def topics_are_there(states: Mapping[str, ProcessState]) -> bool:
    """Whether the last run of `topics` ended well."""
    return states["topics"].state == "EXITED" and states["topics"].exit_status == 0


def forget(plan: Plan, redis_runs: bool) -> None:
    """Remove what was derived from a log that is gone. A Redis that is not ours is left alone.

    Before our Redis runs its files are removed, so that nobody can read an old row before the flush.
    """
    shutil.rmtree(plan.settings.state_dir / "offline", ignore_errors=True)
    if not plan.redis_is_ours:
        return
    if redis_runs:
        flush_redis(plan.settings.redis_url.get_secret_value())
    else:
        folder = data_folder(plan.settings.state_dir)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)


def _all_halted(states: Mapping[str, ProcessState], *names: str) -> bool:
    return all(states[name].state in HALTED for name in names)
