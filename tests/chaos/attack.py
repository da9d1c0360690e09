"""A random plan of faults from a seed, and carrying it out on a cluster."""

from __future__ import annotations

import heapq
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.cluster import Cluster
from tests.chaos.server import Server
from tests.services import until

MOST_WORKERS = 3


@dataclass(frozen=True, order=True)
class Fault:
    """What happens when. `lasts_s` is how long a server is frozen or away."""

    at_s: float
    kind: str
    lasts_s: float = 0.0


# How often each kind comes, and how long it lasts. The session of a worker is 6 s: of the frozen ones some keep
# their partitions and some lose them.
KINDS: dict[str, tuple[int, float, float]] = {
    "worker killed": (5, 0, 0),
    "worker frozen": (4, 2, 15),
    "worker added": (2, 0, 0),
    "worker stopped": (2, 0, 0),
    "redis killed": (3, 0, 1),
    "redis away": (1, 10, 40),
    "kafka killed": (2, 0, 8),
}


def random_plan(seed: int, minutes: float) -> list[Fault]:
    """Faults for so long, some seconds apart; the same seed gives the same plan.

    >>> random_plan(7, 5) == random_plan(7, 5) != random_plan(8, 5)
    True
    """
    rng = random.Random(seed)
    plan, at_s = [], 0.0
    while (at_s := at_s + rng.uniform(2, 12)) < minutes * 60:
        (kind,) = rng.choices(list(KINDS), [often for often, _, _ in KINDS.values()])
        plan.append(Fault(at_s, kind, rng.uniform(*KINDS[kind][1:])))
    return plan


@dataclass
class Attack:
    """Carries a plan out. Which worker is hit comes from the seed too, among those that run at the moment."""

    cluster: Cluster
    rng: random.Random
    done: Counter[str] = field(default_factory=Counter)
    peak_memory: int = 0
    _ends: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _down: set[str] = field(default_factory=set)

    def carry_out(self, plan: list[Fault]) -> None:
        """One fault after the other, at their times; then everything that is still away comes back."""
        started = time.monotonic()
        for fault in plan:
            until(lambda at=started + fault.at_s: self._wait(at), fault.kind, fault.at_s + 600, every_s=0.1)
            self._begin(fault)
        while self._ends:
            heapq.heappop(self._ends)[2]()

    def _wait(self, until_s: float) -> bool:
        """Whether it is time, ending what has lasted long enough meanwhile."""
        now = time.monotonic()
        while self._ends and self._ends[0][0] <= now:
            heapq.heappop(self._ends)[2]()
        for worker in self._free():
            self.peak_memory = max(self.peak_memory, worker.memory_bytes)
        return now >= until_s

    def _free(self) -> list[Server]:
        return [
            one for one in self.cluster.workers if one.wanted and one.running and one.name not in self._down
        ]

    def _begin(self, fault: Fault) -> None:
        target, _, what = fault.kind.partition(" ")
        if target == "worker":
            self._hit_worker(fault, what)
        else:
            server = self.cluster.redis if target == "redis" else self.cluster.kafka
            if server.name not in self._down:
                server.kill()
                self._until_later(fault, server, server.start)

    def _hit_worker(self, fault: Fault, what: str) -> None:
        free = self._free()
        if what == "added":
            if len(free) < MOST_WORKERS:
                self.cluster.add_worker()
                self.done[fault.kind] += 1
            return
        if not free or (what == "stopped" and len(free) == 1):
            return
        worker = self.rng.choice(free)
        self.done[fault.kind] += 1
        if what == "frozen":
            worker.freeze()
            self._until_later(fault, worker, worker.thaw)
        elif what == "stopped":
            worker.terminate()
        else:
            worker.kill()
            worker.start()

    def _until_later(self, fault: Fault, server: Server, end: Callable[[], None]) -> None:
        def back() -> None:
            end()
            self._down.discard(server.name)

        self._down.add(server.name)
        self.done[fault.kind] += server.name in ("kafka", "redis")
        heapq.heappush(self._ends, (time.monotonic() + fault.lasts_s, len(self._ends), back))
