"""From publishing to readable through Feast's `get_online_features`, in an open loop.

Latency counts from the moment a tick was scheduled for. Load generator and probe are processes of their own on
the same machine, so on few cores they take part of what they measure; the probe's own cost is reported.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import msgspec

from benchmarks.beside import LOAD, PROBE, beside
from benchmarks.load_generator import Sent
from benchmarks.probe import Seen, summary
from benchmarks.saying import say
from benchmarks.services import services
from benchmarks.stream import case
from benchmarks.topics_reset import empty_topic
from benchmarks.warm import reset_worker, start_log, warm_states
from benchmarks.worker_process import worker
from producers import topics
from producers.sessions import nyse
from producers.settings import Settings

MAXIMUM_SYMBOLS = 500


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `allocast bench freshness`. The first rate is the headline."""
    parser.add_argument(
        "--rates", default="1000:50,50000:500", help="ticks per second:symbols, ... [default: %(default)s]"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="of each rate [default: %(default)s]")
    parser.add_argument(
        "--fractions", default="25,50,75", help="percent of the maximum to try as well, '' for none"
    )
    parser.add_argument("--maximum", type=float, help="ticks per second [default: measured first]")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All rates; the first one's figures are also at the top."""
    wanted = [
        (float(rate), int(count)) for rate, count in (one.split(":") for one in options.rates.split(","))
    ]
    fractions = [float(one) / 100 for one in options.fractions.split(",") if one]
    maximum = options.maximum
    points: list[dict[str, Any]] = []
    for count in sorted({count for _, count in wanted}, key=[count for _, count in wanted].index):
        with services(count) as settings:
            rates = [rate for rate, symbols in wanted if symbols == count]
            if fractions and count == MAXIMUM_SYMBOLS:
                maximum = maximum or _maximum(settings)
                rates += [fraction * maximum for fraction in fractions]
            points += measure(settings, count, rates, options.seconds)
    first = points[0]
    top = {name: first[name] for name in ("rate", "p50_ms", "p99_ms")}
    return {**top, "maximum_ticks_per_s": maximum, "points": points}


def _maximum(settings: Settings) -> float:
    found = case(settings, MAXIMUM_SYMBOLS, 256, 2_000_000, 1, [], 0.0)
    return float(found["allocast"]["ticks_per_s"])


def measure(settings: Settings, symbols: int, rates: list[float], seconds: float) -> list[dict[str, Any]]:
    """One worker with warm states, one rate after the other."""
    now_ms = int(time.time() * 1000)
    session = nyse().index_at(now_ms)
    empty_topic(settings, topics.TICKS)
    start_log(settings, session, now_ms)
    reset_worker(settings, warm_states(settings, session, now_ms))
    points = []
    with worker(settings) as own:
        own.wait_started()
        for rate in rates:
            sent, seen = _observe(settings, symbols, rate, seconds)
            point = {
                "case": f"{rate:,.0f} ticks/s, {symbols:,} symbols",
                "rate": rate,
                "symbols": symbols,
                **summary(seen),
                "ticks": sent.ticks,
            }
            points.append({**point, "late_p50_ms": sent.late_p50_ms, "late_p99_ms": sent.late_p99_ms})
            say(
                f"{rate:,.0f} ticks/s over {symbols} symbols: p50 {point['p50_ms']} ms, p99 {point['p99_ms']} ms"
            )
    return points


def _observe(settings: Settings, symbols: int, rate: float, seconds: float) -> tuple[Sent, Seen]:
    """Load generator and probe side by side."""
    with beside(settings, (LOAD, PROBE), rate, seconds, symbols) as children:
        said = [child.communicate()[0] for child in children]
    return msgspec.json.decode(said[0], type=Sent), msgspec.json.decode(said[1], type=Seen)
