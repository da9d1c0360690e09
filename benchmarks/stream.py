"""Ticks per second through one stream worker, beside other engines in the same run.

Apache Kafka holds the ticks beforehand, states are warm (every feature has a value), and start-up does not
count. Allocast is the worker process as `allocast up` starts it. `ticks_per_s` counts from the first record it
applies to the acknowledgement of the last one, which comes after online store, offline store and changelog hold
its effect; `readable_ticks_per_s` until the last row is readable online, where the peers' clock stops too.
Runs are interleaved: ours, peer, peer, ours, ...
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from benchmarks.loading import Loaded, load
from benchmarks.machine import spread
from benchmarks.market import SESSION, ticks
from benchmarks.peers.running import PEERS, missing, rate
from benchmarks.saying import Say, say
from benchmarks.services import services
from benchmarks.topics_reset import empty_topic
from benchmarks.warm import Entries, reset_worker, start_log, warm_states, write_states
from benchmarks.worker_process import worker
from producers import topics
from producers.settings import Settings

MAX_RECORDS = 40_000  # small frames get fewer ticks: about eight seconds of work

Runs = dict[str, list[dict[str, float]]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `allocast bench stream`. The first case is the headline."""
    parser.add_argument("--symbols", default="500", help="comma-separated [default: %(default)s]")
    parser.add_argument("--frames", default="256,1", help="ticks per frame [default: %(default)s]")
    parser.add_argument("--ticks", type=int, default=2_000_000, help="at most so many [default: %(default)s]")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each engine [default: %(default)s]")
    parser.add_argument(
        "--peers", default=",".join(PEERS), help="comma-separated; '' for none [default: all]"
    )
    parser.add_argument(
        "--limit-s", type=float, default=30.0, help="seconds a peer gets [default: %(default)s]"
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All cases; the first one's figures are also at the top."""
    names = [name for name in options.peers.split(",") if name]
    cases = []
    for count in map(int, options.symbols.split(",")):
        with services(count) as settings:
            for frame_ticks in map(int, options.frames.split(",")):
                n = min(options.ticks, MAX_RECORDS * frame_ticks)
                cases.append(
                    case(settings, count, frame_ticks, n, options.repeat, names, options.limit_s, say)
                )
    first = cases[0]
    return {**{name: first[name] for name in ("allocast", "peers", "ratio_best_peer")}, "cases": cases}


def case(
    settings: Settings,
    count: int,
    frame_ticks: int,
    n: int,
    repeat: int,
    peers: list[str],
    limit_s: float,
    say: Say,
) -> dict[str, Any]:
    """One number of symbols and one frame size."""
    seen_ms = int(time.time() * 1000)
    empty_topic(settings, topics.TICKS)
    start_log(settings, SESSION, seen_ms)
    entries = warm_states(settings, SESSION, seen_ms)
    states = settings.state_dir / "warm-states"
    write_states(states, entries)
    loaded = load(settings, ticks(n, count, seed=1), frame_ticks, seen_ms)
    why = {name: reason for name in peers if (reason := missing(PEERS[name]))}
    runs: Runs = {}
    for number in range(repeat):
        for name, found in _round(
            settings, loaded, entries, states, n, [p for p in peers if p not in why], limit_s
        ):
            runs.setdefault(name, []).append(found)
            what = f"{count} symbols, frames of {frame_ticks}, run {number + 1} of {repeat}"
            say(f"{what}: {name} {found['ticks_per_s']:,.0f} ticks/s")
    ours = _summary(runs["allocast"])
    others = {
        name: _summary(runs[name]) if name in runs else {"ticks_per_s": None, "why": why[name]}
        for name in peers
    }
    best = max((other["ticks_per_s"] or 0.0 for other in others.values()), default=0.0)
    return {
        "symbols": count,
        "frame_ticks": frame_ticks,
        "ticks": n,
        "allocast": ours,
        "peers": others,
        "ratio_best_peer": ours["ticks_per_s"] / best if best else None,
        "ratio_best_peer_readable": ours["readable_ticks_per_s"] / best if best else None,
    }


def _round(
    settings: Settings,
    loaded: Loaded,
    entries: Entries,
    states: Path,
    n: int,
    peers: list[str],
    limit_s: float,
) -> Iterator[tuple[str, dict[str, float]]]:
    """One run of ours, then one of each peer, from the same log and the same states."""
    reset_worker(settings, entries)
    before = rows_written(settings)
    with worker(settings) as ours:
        started = ours.wait_started()
        readable_s = ours.wait_readable(loaded) - started
        seconds = ours.wait_acknowledged(loaded.ends) - started
        rss_mib = ours.rss_mib
    rows = rows_written(settings) - before
    yield (
        "allocast",
        {
            "ticks_per_s": n / seconds,
            "readable_ticks_per_s": n / readable_s,
            "ticks": n,
            "rows_online": rows,
            "worker_rss_mib": rss_mib,
        },
    )
    for name in peers:
        reset_worker(settings, entries)
        before = rows_written(settings)
        per_s, done = rate(PEERS[name], settings, n, states, limit_s)
        yield name, {"ticks_per_s": per_s, "ticks": done, "rows_online": rows_written(settings) - before}


def rows_written(settings: Settings) -> int:
    """Rows that Redis has been given since it was started: each is one HSET."""
    client = redis.Redis.from_url(settings.redis_url.get_secret_value())
    stats: Any = client.info("commandstats")
    return int(stats.get("cmdstat_hset", {}).get("calls", 0))


def _summary(found: list[dict[str, float]]) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for name in found[0]:
        values = [one[name] for one in found]
        summary |= spread(values, name) if name.endswith("_per_s") else {name: values[-1]}
    return summary
