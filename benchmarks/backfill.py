"""A first full backfill of the five assets: from histories on the disk through Kafka and the worker to Feast's stores.

The histories are seeded random walks as long as Yahoo's are. Yahoo itself is left out: its own time is a network's. The
producer is told of a proxy that refuses every connection, finds that there is no network, and publishes what it has.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import spread
from benchmarks.saying import say
from benchmarks.services import environment, services, stop
from launcher.free_port import LOOPBACK, free_ports
from producers import topics
from producers.errors import TryAgain
from producers.history_store import History, HistoryStore
from producers.kafka_client import client_config
from producers.sessions import nyse
from producers.settings import Settings
from producers.universe import DEFAULT_FILE, load_universe
from stream_processors.state_version import APP_ID

DEADLINE_S = 300.0
# Closes that Yahoo has of each asset in 2026; bitcoin's are calendar days.
CLOSES = {"gold": 6_600, "nasdaq": 14_000, "sp500": 14_100, "bitcoin": 4_450, "cash": 14_100}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `allocast bench backfill`."""
    parser.add_argument("--repeat", type=int, default=3, help="backfills [default: %(default)s]")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Medians of some first backfills, each from nothing."""
    found = []
    for number in range(options.repeat):
        with services(1) as settings:
            found.append(measure(settings.model_copy(update={"universe_file": DEFAULT_FILE})))
            say(f"backfill {number + 1} of {options.repeat}: {found[-1]['total_s']:.1f} s")
    result: dict[str, Any] = {"assets": len(CLOSES), "closes": sum(CLOSES.values())}
    for name in found[0]:
        result |= spread([one[name] for one in found], name)
    return result


def measure(settings: Settings) -> dict[str, float]:
    """Seconds of each stage, all from the start of both processes; peak memory of both."""
    store = HistoryStore(settings.state_dir / "yahoo" / "histories")
    for number, asset in enumerate(load_universe(settings.universe_file).asset):
        store.write(history(asset.symbol, CLOSES[asset.id], number))
    dead = f"http://{LOOPBACK}:{free_ports(1)[0]}"
    own = environment(settings) | {"HTTPS_PROXY": dead, "https_proxy": dead, "NO_PROXY": LOOPBACK}
    started = time.perf_counter()
    logs = {name: settings.state_dir / f"{name}.log" for name in ("producers", "stream_processors")}
    children = {}
    for name, arguments in (("producers", ["--feed", "yahoo"]), ("stream_processors", [])):
        with logs[name].open("wb") as log:
            children[name] = subprocess.Popen(
                [sys.executable, "-O", "-P", "-m", name, *arguments], stdout=log, stderr=log, env=own
            )
    try:
        _until(lambda: b"history: " in logs["producers"].read_bytes(), "publish")
        published = time.perf_counter() - started
        _until(lambda: _acknowledged(settings), "acknowledge")
        total = time.perf_counter() - started
        words = re.search(r"history: (\d+) ticks published in ([\d.]+) s", logs["producers"].read_text())
        if words is None or int(words[1]) != sum(CLOSES.values()):
            raise TryAgain(f"not everything was published: {logs['producers'].read_text()[-1000:]}")
        return {
            "published_s": published,
            "total_s": total,
            "producer_peak_mib": peak_mib(children["producers"].pid),
            "worker_peak_mib": peak_mib(children["stream_processors"].pid),
        }
    finally:
        for child in children.values():
            stop(child)


def history(symbol: str, closes: int, seed: int) -> History:
    """A random walk that ends with the newest session."""
    last = nyse().index_at(int(time.time() * 1000))
    closes = min(closes, last)
    step = 0.01 * np.random.default_rng(seed).standard_normal(closes)
    price = 2.0 + np.cumsum(step) ** 2 if symbol == "^IRX" else 100 * np.exp(np.cumsum(step))
    return History(symbol, nyse().close_ms[last - closes : last], price, "USD")


def _acknowledged(settings: Settings) -> bool:
    """Whether the worker has acknowledged all that is in the log: rows are online, offline and in the changelog."""
    from kafka import KafkaConsumer, TopicPartition
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError

    from producers.group_offsets import committed

    config = client_config(settings)
    consumer: Any = KafkaConsumer(**config, enable_auto_commit=False)
    admin: Any = KafkaAdminClient(**config)
    try:
        wanted = [TopicPartition(topics.TICKS, number) for number in range(settings.partitions)]
        ends = {one.partition: end for one, end in consumer.end_offsets(wanted).items() if end}
        held = committed(admin, APP_ID, topics.TICKS, list(ends))
        return bool(ends) and all(held.get(number, 0) >= end for number, end in ends.items())
    except KafkaError:  # the worker's group does not exist yet
        return False
    finally:
        consumer.close()
        admin.close()


def _until(condition: Any, what: str) -> None:
    deadline = time.perf_counter() + DEADLINE_S
    while not condition():
        if time.perf_counter() > deadline:
            raise TryAgain(f"not within {DEADLINE_S:.0f} s: {what}")
        time.sleep(0.1)


def peak_mib(pid: int) -> float:
    """Largest resident memory of a process so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
