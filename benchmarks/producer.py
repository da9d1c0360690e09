"""Ticks per second from a batch in memory to acknowledged records, and where the time goes."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.machine import spread
from benchmarks.market import ticks
from benchmarks.saying import say
from benchmarks.services import services
from producers.kafka_client import client_config
from producers.publisher import Framer, Publisher, new_epoch
from producers.settings import Settings
from producers.tick import encode
from producers.tick_batch import TickBatch

FRAME_TICKS = 256


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `allocast bench producer`."""
    parser.add_argument("--ticks", type=int, default=2_000_000, help="per run [default: %(default)s]")
    parser.add_argument("--symbols", type=int, default=500, help="[default: %(default)s]")
    parser.add_argument("--repeat", type=int, default=3, help="runs [default: %(default)s]")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Medians of some runs against the same broker."""
    with services(options.symbols) as settings:
        everything = ticks(options.ticks, options.symbols, seed=1)
        return {
            "ticks": options.ticks,
            "symbols": options.symbols,
            "frame_ticks": FRAME_TICKS,
            **measure(settings, everything, options.repeat),
        }


def measure(settings: Settings, everything: TickBatch, repeat: int) -> dict[str, Any]:
    """Framing alone, with encoding, and all the way into the log."""
    whole, framing, encoding = [], [], []
    for number in range(repeat):
        framer = Framer("bench", settings.partitions, new_epoch(), FRAME_TICKS)
        framing.append(_rate(everything, lambda part, to=framer: sum(1 for _ in to.frames(part, 0, False))))
        framer = Framer("bench", settings.partitions, new_epoch(), FRAME_TICKS)
        encoding.append(
            _rate(
                everything,
                lambda part, to=framer: sum(len(encode(frame)) for _, frame in to.frames(part, 0, False)),
            )
        )
        whole.append(_published(settings, everything))
        say(f"run {number + 1} of {repeat}: {whole[-1]:,.0f} ticks/s")
    return {
        **spread(whole, "ticks_per_s"),
        "framing_alone": spread(framing, "ticks_per_s"),
        "framing_and_encoding": spread(encoding, "ticks_per_s"),
    }


def _published(settings: Settings, everything: TickBatch) -> float:
    from kafka import KafkaProducer

    kafka = KafkaProducer(**client_config(settings), linger_ms=5)
    publisher = Publisher(kafka, Framer("bench", settings.partitions, new_epoch(), FRAME_TICKS))
    started = time.perf_counter()
    for part in _batches(everything):
        publisher.publish(part)
    publisher.flush()
    seconds = time.perf_counter() - started
    kafka.close()
    return publisher.sent / seconds


def _rate(everything: TickBatch, work: Any) -> float:
    started = time.perf_counter()
    for part in _batches(everything):
        work(part)
    return len(everything) / (time.perf_counter() - started)


def _batches(everything: TickBatch) -> Iterator[TickBatch]:
    """As a busy feed yields them: enough for full frames of the popular partitions."""
    size = FRAME_TICKS * 64
    for start in range(0, len(everything), size):
        yield everything.take(np.arange(start, min(start + size, len(everything))))
