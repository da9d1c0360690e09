"""Which feed is read: the one that was asked for, or what `auto` means here."""

from __future__ import annotations

import argparse
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

from producers import topics
from producers.csv_feed import CsvFeed
from producers.errors import FixAndRestart
from producers.feed import Feed
from producers.settings import Settings
from producers.simulated_feed import SimulatedFeed
from producers.universe import Universe
from producers.yahoo_client import answers

log = logging.getLogger("producers")

DEFAULT_SPEED = {"csv": 0.5, "simulated": 0.2}
PROBE_S = 3.0  # for all questions together: a start waits no longer, also where packets are swallowed
PROBES = 3  # a lasting log keeps its market for ever: one answer that was lost must not choose it
PROBE_PAUSE_S = 0.5


def make_feed(options: argparse.Namespace, universe: Universe, settings: Settings) -> Feed:
    """The feed asked for; `auto` must have been decided. Raises FixAndRestart with what to change."""
    name = options.feed
    speed = DEFAULT_SPEED.get(name, 1.0) if options.speed is None else options.speed
    if not 0 < speed <= 10_000:
        raise FixAndRestart(
            f"--speed: expected more than 0 and at most 10000 sessions per second, got {speed:g}"
        )
    if not 0 <= options.replay <= 5_000:
        raise FixAndRestart(f"--replay: expected 0 to 5000 sessions, got {options.replay}")
    if options.ticks is not None and not (name == "simulated" and 0 < options.ticks <= 1_000_000):
        raise FixAndRestart(
            f"--ticks: expected 1 to 1000000 ticks per second of the simulated feed, got {options.ticks:g} of {name}"
        )
    if options.shock and name != "simulated":
        raise FixAndRestart("--shock: only the simulated feed has one; use --feed simulated")
    if name == "csv":
        if options.data is None or not options.data.is_dir():
            raise FixAndRestart(f"--data: expected a folder of CSV files, got {options.data}")
        feed = CsvFeed(options.data, universe, options.replay, speed)
        if feed.missing:
            log.warning("%s: no file for %s; they are left out", options.data, ", ".join(feed.missing))
        for symbol, gaps in feed.gaps.items():
            if gaps:
                log.warning("%s: %d sessions without a row, the last %d", symbol, len(gaps), gaps[-1])
        return feed
    if name == "yahoo":
        from producers.yahoo_feed import YahooFeed  # imports yfinance, seconds

        return YahooFeed(universe, settings.state_dir / "yahoo", settings.universe_file)
    return SimulatedFeed(
        universe, options.seed, options.replay, speed, options.shock, ticks_per_s=options.ticks
    )


def decide(held: str | None) -> str:
    """What `auto` means: the market that the log holds, else Yahoo if it answers at once, else a simulated one.

    Raises FixAndRestart when the log holds a market that `auto` cannot go on with.
    """
    if held in ("yahoo", "simulated"):
        log.info("feed auto: %s, as in the log; markets are never mixed", held)
        return held
    if held is not None:
        more = " --data DIR" if held == "csv" else ""
        raise FixAndRestart(
            f"{topics.TICKS}: holds prices of feed {held!r}: add --feed {held}{more}, or use another broker or another"
            " --state-dir; feeds are never mixed"
        )
    started = time.monotonic()
    found = "yahoo" if _yahoo_answers() else "simulated"
    said = "answers" if found == "yahoo" else f"gave no prices, asked {PROBES} times"
    log.info("feed auto: %s (Yahoo %s, within %.1f s)", found, said, time.monotonic() - started)
    return found


def _yahoo_answers() -> bool:
    """Whether one of PROBES questions, PROBE_PAUSE_S apart, is answered with prices within PROBE_S of the first."""
    settled = threading.Event()

    def ask(after_s: float) -> bool:
        return not settled.wait(after_s) and answers(PROBE_S - after_s)

    with ThreadPoolExecutor(PROBES) as asking:
        questions = [asking.submit(ask, number * PROBE_PAUSE_S) for number in range(PROBES)]
        found = any(question.result() for question in as_completed(questions))
        settled.set()
    return found
