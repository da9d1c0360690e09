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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from benchmarks.loading import Loaded, load
from benchmarks.machine import spread
from benchmarks.market import SESSION, ticks
from benchmarks.peers.running import PEERS, Peer, missing, rate
from benchmarks.saying import say
from benchmarks.services import services
from benchmarks.topics_reset import empty_topic
from benchmarks.warm import Entries, reset_worker, start_log, warm_states, write_states
from benchmarks.worker_process import worker
from producers import topics
from producers.sessions import nyse
from producers.settings import Settings
from producers.universe import load_universe
from producers.waiting import topic_id
from stream_processors.partition import Partition
from stream_processors.state_version import source_log

MAX_RECORDS = 40_000  # small frames get fewer ticks: about eight seconds of work


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
                cases.append(case(settings, count, frame_ticks, n, options.repeat, names, options.limit_s))
    first = cases[0]
    return {**{name: first[name] for name in ("allocast", "peers", "ratio_best_peer")}, "cases": cases}


def case(
    settings: Settings, count: int, frame_ticks: int, n: int, repeat: int, peers: list[str], limit_s: float
) -> dict[str, Any]:
    """One number of symbols and one frame size."""
    log = prepare(settings, count, frame_ticks, n)
    why = {name: reason for name in peers if (reason := missing(PEERS[name]))}
    runs: dict[str, list[dict[str, float]]] = {}
    for number in range(repeat):
        for name in ("allocast", *(name for name in peers if name not in why)):
            found = _ours(log) if name == "allocast" else _peer(log, PEERS[name], limit_s)
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
        "case": f"{count:,} symbols, frames of {frame_ticks}",
        "symbols": count,
        "frame_ticks": frame_ticks,
        "ticks": n,
        "allocast": ours,
        "peers": others,
        "ratio_best_peer": ours["ticks_per_s"] / best if best else None,
        "ratio_best_peer_readable": ours["readable_ticks_per_s"] / best if best else None,
    }


@dataclass(frozen=True)
class Log:
    """What every run of a case starts from."""

    settings: Settings
    ticks: int
    loaded: Loaded
    entries: Entries
    states: Path  # the entries in a file
    hsets_per_row: int


def prepare(settings: Settings, count: int, frame_ticks: int, n: int) -> Log:
    """Load the ticks and compute the warm states."""
    seen_ms = int(time.time() * 1000)
    empty_topic(settings, topics.TICKS)
    start_log(settings, SESSION, seen_ms)
    entries = warm_states(settings, SESSION, seen_ms)
    states = settings.state_dir / "warm-states"
    write_states(states, entries)
    loaded = load(settings, ticks(n, count, seed=1), frame_ticks, seen_ms)
    return Log(settings, n, loaded, entries, states, hsets_per_row(settings, entries))


def _ours(log: Log) -> dict[str, float]:
    reset_worker(log.settings, log.entries)
    before = hsets(log.settings)
    with worker(log.settings) as own:
        started = own.wait_started()
        readable_s = own.wait_readable(log.loaded) - started
        acknowledged_s = own.wait_acknowledged(log.loaded.ends) - started
        rss_mib = own.rss_mib
    return {
        "ticks_per_s": log.ticks / acknowledged_s,
        "readable_ticks_per_s": log.ticks / readable_s,
        "ticks": log.ticks,
        "rows_online": (hsets(log.settings) - before) // log.hsets_per_row,
        "worker_rss_mib": rss_mib,
    }


def _peer(log: Log, peer: Peer, limit_s: float) -> dict[str, float]:
    reset_worker(log.settings, log.entries)
    before = hsets(log.settings)
    per_s, done = rate(peer, log.settings, log.ticks, log.states, limit_s)
    rows = (hsets(log.settings) - before) // log.hsets_per_row if peer.our_writer else done
    return {"ticks_per_s": per_s, "ticks": done, "rows_online": rows}


def hsets_per_row(settings: Settings, entries: Entries) -> int:
    """How many HSETs Redis counts for one row, found by writing one partition's rows."""
    from feature_repo.online_store import FencedRedisOnlineStore
    from feature_repo.store import load_config

    number, states = next(iter(entries.items()))
    log = source_log(topic_id(settings, topics.TICKS), number)
    partition = Partition(number, log, load_universe(settings.universe_file), nyse())
    rows = partition.restore(states.items())
    before = hsets(settings)
    FencedRedisOnlineStore().write_rows(load_config(settings), [partition.online_rows(partition.dirty)])
    return (hsets(settings) - before) // rows


def hsets(settings: Settings) -> int:
    """HSETs that Redis has run since it was started."""
    client = redis.Redis.from_url(settings.redis_url.get_secret_value())
    stats: Any = client.info("commandstats")
    return int(stats.get("cmdstat_hset", {}).get("calls", 0))


def _summary(found: list[dict[str, float]]) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for name in found[0]:
        values = [one[name] for one in found]
        summary |= spread(values, name) if name.endswith("_per_s") else {name: values[-1]}
    return summary
