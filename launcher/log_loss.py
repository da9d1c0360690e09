"""The memory-only broker died and came back empty: rebuild what was derived from the lost log.

Restarting only the broker would leave the worker waiting for offsets that no longer exist, and the online
store refusing new rows because the old ones carry higher offsets.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from launcher.embedded_redis import data_folder
from launcher.plan import READ_THE_LOG, Plan
from launcher.probes import flush_redis
from launcher.supervisor_client import ProcessState

HALTED = ("STOPPED", "EXITED", "FATAL")


class Programs(Protocol):
    """The part of Supervisor that is needed here."""

    def start_again(self, *names: str) -> None: ...

    def stop_programs(self, *names: str) -> None: ...


class Step(Enum):
    """Where the rebuilding stands."""

    NONE = "nothing to do"
    STOPPING = "waiting until the readers have stopped"
    TOPICS = "waiting for the topics"


class LogLoss:
    """Watches the broker's pid; `update` is called with every look at the processes and never blocks."""

    def __init__(self, plan: Plan, programs: Programs) -> None:
        self.step = Step.NONE
        self._plan = plan
        self._programs = programs
        self._broker_pid = 0

    def update(self, states: Mapping[str, ProcessState]) -> bool:
        """Do the next step. True when the loss of the log was just discovered."""
        if not self._plan.forgets or "broker" not in states:
            return False
        pid = states["broker"].pid
        lost = pid != 0 and self._broker_pid not in (0, pid)
        self._broker_pid = pid or self._broker_pid
        if lost:
            self._programs.stop_programs(*READ_THE_LOG)
            self.step = Step.STOPPING
        elif self.step is Step.STOPPING and all(states[name].state in HALTED for name in READ_THE_LOG):
            forget(self._plan, redis_runs=True)
            self._programs.start_again("topics")
            self.step = Step.TOPICS
        elif self.step is Step.TOPICS and topics_are_there(states):
            self._programs.start_again(*READ_THE_LOG)
            self.step = Step.NONE
        return lost


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
