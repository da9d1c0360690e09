"""The probe counts from the scheduled time, also for ticks that it could not watch arriving."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pytest

from benchmarks.probe import WARM_UP_S, Probe, Seen, summary
from benchmarks.schedule import Schedule, schedule

STARTED_S = 1_000_000.0
READ_S = 0.001


@dataclass
class World:
    """A clock that only moves when somebody reads or sleeps, and rows that appear `delay_s` after their time.

    Between `stall` begin and end nothing becomes readable.
    """

    plan: Schedule
    delay_s: float
    stall: tuple[float, float] = (0.0, 0.0)
    now_s: float = STARTED_S

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def read(self, symbol: str) -> int:
        self.now_s += READ_S
        at = self.now_s - STARTED_S
        if self.stall[0] <= at < self.stall[1]:
            at = self.stall[0]
        mine = self.plan.of_symbol(int(symbol[1:]))
        visible = mine[mine + self.delay_s <= at]
        return int((STARTED_S + visible[-1]) * 1000) if len(visible) else 0


def observe(world: World, seconds: float, monkeypatch: pytest.MonkeyPatch) -> Seen:
    monkeypatch.setattr(time, "sleep", world.sleep)
    return Probe(world.plan, world.read, STARTED_S, clock=world.clock).run(seconds)


def test_a_constant_delay_is_what_it_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = schedule(500, 10, 4)
    seen = observe(World(plan, delay_s=0.020), 10, monkeypatch)
    found = summary(seen)
    assert seen.missing == 0
    assert found["samples"] > 500
    assert 20.0 <= found["p50_ms"] <= found["max_ms"] <= 20.0 + 4 * READ_S * 1000


def test_every_tick_behind_a_stall_is_late_by_what_is_left_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = schedule(500, 12, 1)
    seen = observe(World(plan, delay_s=0.001, stall=(5.0, 8.0)), 12, monkeypatch)
    late = np.sort([one for one in seen.latency_s if one > 0.1])
    # 3 s of 500 ticks, evenly late from 3 s down to nothing: counting only the tick that was being watched
    # would give a single one.
    assert len(late) == pytest.approx(500 * 2.9, rel=0.03)
    assert late.mean() == pytest.approx(1.55, abs=0.05)
    assert len(seen.latency_s) == pytest.approx(500 * (12 - WARM_UP_S), rel=0.02)


def test_ticks_that_never_arrive_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = schedule(100, 4, 1)
    seen = observe(World(plan, delay_s=1e9), 4, monkeypatch)
    assert seen.missing > 0
    assert seen.latency_s == []


def test_a_schedule_is_the_same_in_every_process() -> None:
    one, other = schedule(1000, 5, 50), schedule(1000, 5, 50)
    assert (one.symbol == other.symbol).all()
    counts = np.bincount(one.symbol, minlength=50)
    assert counts[0] > 5 * counts[20] > 0  # Zipf: some symbols tick far more often than others
