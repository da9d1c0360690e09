"""`python -m benchmarks.probe`: when does a tick become readable through Feast?

One symbol is watched at a time. Every tick that the schedule has for it while it is watched is a sample, and its
latency counts from the moment it was scheduled for: what waits behind a stall is late by the whole stall, also
when the stall kept the load generator or the probe from looking (coordinated omission).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import numpy as np

from benchmarks.load_generator import parse, start_time
from benchmarks.machine import percentiles
from benchmarks.market import symbols_of
from benchmarks.schedule import Schedule, schedule
from feature_repo.store import open_store
from producers.settings import load_settings

WATCH_S = 0.5  # then it is the next symbol's turn
PAUSE_S = 0.001  # between two reads: a probe that never sleeps would take a core from what it measures
WARM_UP_S = 2.0  # at the beginning, not sampled
GIVE_UP_S = 30.0  # after the end of the schedule
SMALLEST_GAP_S = 0.05

Read = Callable[[str], int]  # symbol -> newest event_ms that is readable, 0 when there is none


class Seen(msgspec.Struct, frozen=True):
    """Latencies in seconds, reads that took `read_s`, and ticks never seen."""

    latency_s: list[float]
    read_s: list[float]
    missing: int


@dataclass
class Probe:
    """Watches symbols in turn."""

    plan: Schedule
    read: Read
    started_s: float
    clock: Callable[[], float] = time.time
    latency_s: list[float] = field(default_factory=list)
    read_s: list[float] = field(default_factory=list)
    missing: int = 0

    def run(self, seconds: float) -> Seen:
        """Watch until the schedule has ended."""
        number, begin = 0, WARM_UP_S
        while begin < seconds:
            begin = self._watch(number % self.plan.symbols, begin, min(begin + WATCH_S, seconds), seconds)
            number += 1
        return Seen(self.latency_s, self.read_s, self.missing)

    def _watch(self, number: int, begin: float, end: float, last: float) -> float:
        """Sample the ticks of one symbol from `begin` on; returns the time up to which they are sampled.

        When the last of them is seen late, those that were scheduled meanwhile are samples as well: otherwise
        a stall would count once.
        """
        at_s = self.plan.of_symbol(number)
        name = symbols_of(self.plan.symbols)[number]
        position = int(np.searchsorted(at_s, begin, side="left"))
        while True:
            stop = int(np.searchsorted(at_s, end, side="left"))
            while position < stop:
                self._sleep_until(float(at_s[position]))
                newest_ms, now = self._read(name)
                while position < stop and newest_ms >= int((self.started_s + float(at_s[position])) * 1000):
                    self.latency_s.append(now - float(at_s[position]))
                    position += 1
                if now > last + GIVE_UP_S:
                    self.missing += stop - position
                    return last
                if position < stop:
                    time.sleep(PAUSE_S)
            now = self.clock() - self.started_s
            if now - end <= SMALLEST_GAP_S or end >= last:
                self._sleep_until(end)
                return end
            end = min(now, last)

    def _read(self, name: str) -> tuple[int, float]:
        before = self.clock()
        newest_ms = self.read(name)
        after = self.clock()
        self.read_s.append(after - before)
        return newest_ms, after - self.started_s

    def _sleep_until(self, at_s: float) -> None:
        time.sleep(max(0.0, self.started_s + at_s - self.clock()))


def summary(seen: Seen) -> dict[str, float]:
    """Percentiles, and what a read of the probe itself costs."""
    reads = percentiles(seen.read_s, (50, 99))
    return {
        **percentiles(seen.latency_s, (50, 90, 99)),
        "max_ms": round(max(seen.latency_s) * 1000, 3),
        "samples": len(seen.latency_s),
        "missing": seen.missing,
        "probe_read_p50_ms": reads["p50_ms"],
        "probe_read_p99_ms": reads["p99_ms"],
    }


def main() -> None:
    """Entry point."""
    options = parse()
    plan = schedule(options.rate, options.seconds, options.symbols)
    store = open_store(load_settings())

    def read(symbol: str) -> int:
        # One feature stands for the row: a row is written as a whole.
        answer = store.get_online_features(["asset_features:event_ms"], [{"symbol": symbol}]).to_dict()
        return answer["event_ms"][0] or 0

    read("S0")
    seen = Probe(plan, read, start_time()).run(options.seconds)
    sys.stdout.write(msgspec.json.encode(seen).decode() + "\n")


if __name__ == "__main__":
    main()
