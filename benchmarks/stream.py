"""Ticks per second through one stream worker: frames from Kafka to features readable online.

The log is filled first; the clock runs from the worker's first acknowledgement-free poll (its group is
joined) to the commit of the last record, which comes after online store, offline store and changelog.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import Measured, measured
from feature_repo.apply import apply
from launcher import embedded_broker, embedded_redis
from launcher.create_topics import ensure_topics, wait_for_broker
from launcher.free_port import LOOPBACK, free_ports
from producers import topics
from producers.kafka_client import client_config
from producers.publisher import Framer
from producers.sessions import nyse
from producers.settings import Settings, load_settings
from producers.tick import encode
from producers.tick_batch import TickBatch

FRAME_TICKS = 256
SPAN_MS = 6 * 3_600_000  # the ticks fall into one session, as on a live day
DEADLINE_S = 300.0


def universe_of(symbols: int) -> str:
    """A universe file of so many assets."""
    rows = (
        f'[[asset]]\nid = "a{i}"\nsymbol = "S{i}"\nname = "S{i}"\nkind = "price"\ncalendar = "sessions"\nunit = "USD"\n'
        for i in range(symbols)
    )
    return "\n".join(rows)


def ticks(n: int, symbols: int, seed: int) -> TickBatch:
    """Seeded ticks, Zipf-like over symbols, in event order, within one session."""
    rng = np.random.default_rng(seed)
    weight = 1 / np.arange(1, symbols + 1)
    chosen = rng.choice(symbols, n, p=weight / weight.sum())
    close_ms = int(nyse().close_ms[12_000])
    times = close_ms - SPAN_MS + np.sort(rng.integers(0, SPAN_MS, n))
    price = 100 * np.exp(0.0001 * rng.standard_normal(n))
    return TickBatch(np.array([f"S{i}" for i in range(symbols)])[chosen], times, price)


@contextlib.contextmanager
def services(folder: Path) -> Iterator[Settings]:
    """Embedded broker and Redis, topics and feature registry."""
    kafka_port, redis_port = free_ports(2)
    (folder / "redis").mkdir(parents=True)
    commands = (embedded_broker.command(kafka_port), embedded_redis.command(folder / "redis", redis_port))
    with (folder / "services.log").open("wb") as log, contextlib.ExitStack() as stack:
        for command in commands:
            process = stack.enter_context(subprocess.Popen(command, stdout=log, stderr=log))
            stack.callback(process.terminate)
        settings = load_settings(
            kafka_bootstrap_servers=f"{LOOPBACK}:{kafka_port}",
            redis_url=f"redis://{LOOPBACK}:{redis_port}/0",
            state_dir=folder,
            universe_file=folder / "universe.toml",
            kafka_session_s=4.0,
        )
        wait_for_broker(settings)
        ensure_topics(settings)
        apply(settings)
        yield settings


def environment(settings: Settings) -> dict[str, str]:
    """What the worker process needs to find them."""
    return {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "ALLOCAST_STATE_DIR": str(settings.state_dir),
        "ALLOCAST_UNIVERSE_FILE": str(settings.universe_file),
        "ALLOCAST_KAFKA_SESSION_S": str(settings.kafka_session_s),
    }


def fill(settings: Settings, n: int, symbols: int) -> tuple[dict[int, int], float]:
    """Publish n ticks in frames of FRAME_TICKS. Returns end offsets and the producer's ticks per second."""
    from kafka import KafkaProducer

    everything = ticks(n, symbols, seed=1)
    framer = Framer("bench", settings.partitions, "bench")
    producer = KafkaProducer(**client_config(settings), linger_ms=5, batch_size=1 << 20)
    ends: dict[int, int] = {}
    started = time.perf_counter()
    seen_ms = int(time.time() * 1000)
    # A frame holds one partition's ticks: take blocks large enough to fill FRAME_TICKS of each.
    block = FRAME_TICKS * settings.partitions
    for start in range(0, n, block):
        part = slice(start, start + block)
        batch = TickBatch(everything.symbol[part], everything.event_ms[part], everything.price[part])
        for partition, frame in framer.frames(batch, seen_ms, history=False):
            producer.send(topics.TICKS, value=encode(frame), partition=partition)
            ends[partition] = frame.seq + 1
    producer.flush()
    rate = n / (time.perf_counter() - started)
    producer.close()
    return ends, rate


def consume(settings: Settings, ends: dict[int, int]) -> float:
    """Seconds from the worker's readiness to the commit of the last record."""
    from kafka.admin import KafkaAdminClient

    from stream_processors.state_version import APP_ID
    from training.service import committed

    log_file = settings.state_dir / "worker.log"
    with log_file.open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-O", "-m", "stream_processors"],
            stdout=log,
            stderr=log,
            env=environment(settings),
        )
        admin: Any = KafkaAdminClient(**client_config(settings))
        try:
            deadline, ready = time.perf_counter() + DEADLINE_S, 0.0
            while time.perf_counter() < deadline:
                if not ready and b"Worker ready" in log_file.read_bytes():
                    ready = time.perf_counter()
                held = committed(admin, APP_ID, topics.TICKS, list(ends))
                if ready and all(held.get(partition, 0) >= end for partition, end in ends.items()):
                    return time.perf_counter() - ready
                time.sleep(0.02)
            raise TimeoutError(f"the worker did not finish; see {log_file}")
        finally:
            admin.close()
            worker.send_signal(signal.SIGINT)
            worker.wait(30)


def run(n: int = 500_000, symbols: int = 500, repeat: int = 3) -> dict[str, Measured | int]:
    """Medians of `repeat` runs, each from an empty log."""
    consumed, produced = [], []
    for _ in range(repeat):
        with tempfile.TemporaryDirectory(prefix="allocast-bench-") as name:
            folder = Path(name)
            (folder / "universe.toml").write_text(universe_of(symbols))
            with services(folder) as settings:
                ends, rate = fill(settings, n, symbols)
                produced.append(rate)
                consumed.append(n / consume(settings, ends))
    return {
        "ticks": n,
        "symbols": symbols,
        "frame_ticks": FRAME_TICKS,
        "allocast.ticks_per_s": measured(consumed, "ticks/s"),
        "producer.ticks_per_s": measured(produced, "ticks/s"),
    }
