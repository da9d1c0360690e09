"""`python -m benchmarks.load_generator`: publishes a schedule on time, whatever becomes of it (open loop).

Says `ready`, waits for the start time on standard input, and ends with one JSON line about its own lateness.
"""

from __future__ import annotations

import argparse
import sys
import time

import msgspec
import numpy as np
from kafka import KafkaProducer

from benchmarks.machine import percentiles
from benchmarks.schedule import Schedule, schedule
from producers.kafka_client import client_config
from producers.publisher import Framer, Publisher, new_epoch
from producers.settings import load_settings

LINGER_S = 0.010  # what arrives within it travels together


class Sent(msgspec.Struct, frozen=True):
    """What was published, and how late batches left: from the newest tick's time to the producer's buffer."""

    ticks: int
    late_p50_ms: float
    late_p99_ms: float


def parse() -> argparse.Namespace:
    """The schedule. The same options describe it to the probe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, required=True, help="ticks per second")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--symbols", type=int, required=True)
    return parser.parse_args()


def start_time() -> float:
    """Say that we are ready; the answer is the moment of time.time() at which the schedule starts."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    return float(sys.stdin.readline())


def send(plan: Schedule, publisher: Publisher, started_s: float) -> Sent:
    """Publish every tick when it is due, those of LINGER_S together."""
    sent, n = 0, len(plan.at_s)
    late: list[float] = []
    wake_s = started_s
    while sent < n:
        wake_s += LINGER_S
        time.sleep(max(0.0, wake_s - time.time()))
        due = int(np.searchsorted(plan.at_s, time.time() - started_s, side="right"))
        if due > sent:
            publisher.publish(plan.ticks(sent, due, started_s))
            late.append(time.time() - started_s - float(plan.at_s[due - 1]))
            sent = due
    publisher.flush()
    lateness = percentiles(late, (50, 99))
    return Sent(sent, lateness["p50_ms"], lateness["p99_ms"])


def main() -> None:
    """Entry point."""
    options, settings = parse(), load_settings()
    plan = schedule(options.rate, options.seconds, options.symbols)
    kafka = KafkaProducer(**client_config(settings), linger_ms=0)
    publisher = Publisher(kafka, Framer("bench", settings.partitions, new_epoch()))
    sent = send(plan, publisher, start_time())
    sys.stdout.write(msgspec.json.encode(sent).decode() + "\n")


if __name__ == "__main__":
    main()
