"""The rolling kernel alone, without Kafka or Redis: cost of a tick, of a row, and bytes of state per symbol."""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

from benchmarks.machine import spread
from benchmarks.market import SESSION, history, symbols_of, ticks
from benchmarks.saying import say
from launcher.process_table import rss_bytes
from producers.publisher import Framer
from producers.sessions import nyse
from producers.universe import Asset, Universe
from stream_processors.partition import Partition

FRAME_TICKS = 256
FIRST_OFFSET = 0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `allocast bench kernel`."""
    parser.add_argument(
        "--symbols", default="5,50,500,5000,10000", help="comma-separated [default: %(default)s]"
    )
    parser.add_argument("--ticks", type=int, default=200_000, help="per run [default: %(default)s]")
    parser.add_argument("--repeat", type=int, default=5, help="runs [default: %(default)s]")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """One partition that holds all symbols, warm, for each number of symbols."""
    return {
        "frame_ticks": FRAME_TICKS,
        "cases": [measure(int(count), options.ticks, options.repeat) for count in options.symbols.split(",")],
    }


def measure(count: int, n: int, repeat: int) -> dict[str, Any]:
    """Costs with `count` symbols, in microseconds."""
    partition = warm_partition(count)
    framer = Framer("bench", 1, "live", FRAME_TICKS)
    frames = [
        frame for _, frame in framer.frames(ticks(n * repeat, count, seed=1), int(time.time() * 1000), False)
    ]
    per_run = len(frames) // repeat
    tick_us, row_us, applied, rows = [], [], 0, 0
    for number in range(repeat):
        part = frames[number * per_run : (number + 1) * per_run]
        started = time.perf_counter()
        done = sum(
            partition.apply(frame, FIRST_OFFSET + 1 + number * per_run + position).applied
            for position, frame in enumerate(part)
        )
        tick_us.append((time.perf_counter() - started) / done * 1e6)
        dirty = partition.dirty
        started = time.perf_counter()
        partition.online_rows(dirty)
        row_us.append((time.perf_counter() - started) / len(dirty) * 1e6)
        applied, rows = applied + done, rows + len(dirty)
        partition.dirty = set()
    entries = partition.snapshot(partition.changed)
    result = {
        "case": f"{count:,} symbols",
        "symbols": count,
        "ticks": applied,
        **spread(tick_us, "tick_us"),
        "row": spread(row_us, "row_us"),
        "state_bytes_per_symbol": sum(len(value or b"") for value in entries.values()) / max(1, len(entries)),
        "process_rss_mib": rss_bytes(os.getpid()) / 2**20,
    }
    say(f"{count} symbols: {result['tick_us']:.3f} us per tick")
    return result


def warm_partition(count: int) -> Partition:
    """All symbols in one partition, each with years of history."""
    names = symbols_of(count)
    universe = Universe([Asset(name.lower(), name, name, "price", "sessions", "USD") for name in names])
    partition = Partition(0, "log:0", universe, nyse())
    for frame in history(names, SESSION, int(time.time() * 1000)):
        partition.apply(frame, FIRST_OFFSET)
    partition.dirty = set()
    return partition
