"""What changed between two looks at the supervised processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from launcher.supervisor_client import ProcessState

GIVEN_UP_S = 10.0  # pause before a program that supervisord gave up, or a failed `once`, is started again


@dataclass
class Watch:
    """Remembers pids and finished runs. Pure: it gets the states and the clock, and asks nobody.

    >>> watch = Watch()
    >>> list(watch.ended({"worker": ProcessState("worker", "service", "RUNNING", 7, 0, 0, 9)}))
    []
    >>> list(watch.ended({"worker": ProcessState("worker", "service", "STARTING", 8, 0, 0, 0)}))
    ['worker']
    """

    _pids: dict[str, int] = field(default_factory=dict)
    _down_since: dict[str, float] = field(default_factory=dict)

    def ended(self, states: Mapping[str, ProcessState]) -> Iterator[str]:
        """Names of the processes that ended since the last look, other than by our own request."""
        for name, now in states.items():
            before = self._pids.get(name, 0)
            if now.state in ("STOPPED", "STOPPING"):
                self._pids.pop(name, None)
                continue
            never_seen = before == 0 and name not in self._pids
            self._pids[name] = now.pid
            failed_at_once = never_seen and now.pid == 0 and _failed(now)
            if (before not in (0, now.pid) and not _done(now)) or failed_at_once:
                yield name

    def to_start_again(self, states: Mapping[str, ProcessState], clock_s: float) -> list[str]:
        """Names of the programs that have been down long enough to be tried again."""
        due = []
        for name, now in states.items():
            if not (now.state == "FATAL" or (now.group == "once" and _failed(now))):
                self._down_since.pop(name, None)
            elif clock_s - self._down_since.setdefault(name, clock_s) >= GIVEN_UP_S:
                self._down_since.pop(name)
                due.append(name)
        return due


def _failed(state: ProcessState) -> bool:
    return state.state in ("BACKOFF", "FATAL") or (state.state == "EXITED" and state.exit_status != 0)


def _done(state: ProcessState) -> bool:
    return state.group == "once" and state.state == "EXITED" and state.exit_status == 0
