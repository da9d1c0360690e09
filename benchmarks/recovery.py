"""From SIGKILL of the worker under load until its rows are fresh again: a new process takes over at once."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from benchmarks.beside import LOAD, beside
from benchmarks.machine import spread
from benchmarks.saying import say
from benchmarks.services import services
from benchmarks.topics_reset import empty_topic
from benchmarks.warm import reset_worker, start_log, warm_states
from benchmarks.worker_process import worker
from producers import topics
from producers.errors import TryAgain
from producers.sessions import nyse
from producers.settings import Settings

SYMBOL = "S0"  # the most popular: it ticks all the time
FRESH_S = 1.0  # a row is fresh when its newest tick is younger, and younger than the kill
DEADLINE_S = 120.0
STEADY_S = 3.0  # between being fresh and the next kill


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `allocast bench recovery`."""
    parser.add_argument("--rate", type=float, default=10_000, help="ticks per second [default: %(default)s]")
    parser.add_argument("--symbols", type=int, default=500, help="[default: %(default)s]")
    parser.add_argument("--repeat", type=int, default=3, help="kills [default: %(default)s]")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds from each kill to fresh rows."""
    with services(options.symbols) as settings:
        return measure(settings, options.rate, options.symbols, options.repeat)


def measure(settings: Settings, rate: float, symbols: int, repeat: int) -> dict[str, Any]:
    """Kill, start another, wait until fresh; the load never pauses."""
    from feature_repo.store import open_store

    store = open_store(settings)

    def newest_s() -> float:
        """Time of the newest tick that can be read."""
        answer = store.get_online_features(["asset_features:event_ms"], [{"symbol": SYMBOL}]).to_dict()
        return (answer["event_ms"][0] or 0) / 1000

    now_ms = int(time.time() * 1000)
    session = nyse().index_at(now_ms)
    empty_topic(settings, topics.TICKS)
    start_log(settings, session, now_ms)
    reset_worker(settings, warm_states(settings, session, now_ms))
    took: list[float] = []
    with beside(settings, (LOAD,), rate, DEADLINE_S * repeat, symbols):
        for number in range(repeat):
            with worker(settings) as doomed:
                _wait_fresh(newest_s, since_s=0.0)
                time.sleep(STEADY_S)
                killed_s = time.time()
                doomed.kill()
            with worker(settings):
                _wait_fresh(newest_s, killed_s)
                took.append(time.time() - killed_s)
                say(f"kill {number + 1} of {repeat}: fresh again after {took[-1]:.1f} s")
    return {
        "rate": rate,
        "symbols": symbols,
        "group_session_s": settings.kafka_session_s,
        **spread(took, "fresh_again_s"),
    }


def _wait_fresh(newest_s: Callable[[], float], since_s: float) -> None:
    """Until a tick later than since_s is readable that is not older than FRESH_S."""
    deadline = time.time() + DEADLINE_S
    while newest_s() < max(since_s, time.time() - FRESH_S):
        if time.time() > deadline:
            raise TryAgain(f"no fresh row of {SYMBOL} within {DEADLINE_S:.0f} s")
        time.sleep(0.02)
