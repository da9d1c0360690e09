"""The benchmarks there are: adding one is one entry here and one module."""

from __future__ import annotations

import argparse
import importlib
from typing import Any, Protocol, cast

# Modules are imported when they run: `allocast bench --help` must answer at once.
BENCHMARKS = {
    "stream": ("benchmarks.stream", "ticks per second through the worker, beside other engines"),
    "freshness": (
        "benchmarks.freshness",
        "from a tick's scheduled time until its row is readable through Feast",
    ),
    "serve": ("benchmarks.serve", "reading rows online and answering a changed allocation"),
    "kernel": ("benchmarks.kernel", "cost of a tick and size of the state by number of symbols"),
    "producer": ("benchmarks.producer", "ticks per second into Kafka"),
    "recovery": ("benchmarks.recovery", "from SIGKILL of the worker under load until rows are fresh again"),
    "forecast": ("benchmarks.forecast.command", "skill and calibration of the forecasts, walk forward"),
    "drift": (
        "benchmarks.drift.command",
        "false alarms in clean years, and breaks found, beside other detectors",
    ),
    "loop": (
        "benchmarks.loop",
        "a crash, the alarm, the training, the new model on the page, and what it is worth",
    ),
    "backfill": ("benchmarks.backfill", "a first full history of five assets through Kafka, Faust and Feast"),
    "page": ("benchmarks.page", "the page: start, memory, first paint, a changed weight, many viewers"),
    "startup": ("benchmarks.startup", "from `allocast up` to the first forecast and to the LSTM; memory"),
}

# Kept and reported like the others, but run by a command of its own, `make soak`, on the machinery of the fault tests.
SOAK = {"soak": "5,000 ticks/s over 500 symbols, every service restarted in turn: loss, parity, memory, lag"}
MEANINGS = {name: meaning for name, (_, meaning) in BENCHMARKS.items()} | SOAK

FIGURES = {"drift": "benchmarks.drift.figure"}  # modules with `draw(result, path)`, for RESULTS.md

TABLES = {
    "forecast": "benchmarks.forecast.table"
}  # modules with `table(result)`, where the plain one is too long


class Benchmark(Protocol):
    """What a benchmark module offers."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Its command-line options."""

    def run(self, options: argparse.Namespace) -> dict[str, Any]:
        """Measure. Keys that end in _s, _ms, _mib, _per_s carry the unit."""


def module_of(name: str) -> Benchmark:
    """The module of a benchmark in BENCHMARKS."""
    return cast(Benchmark, importlib.import_module(BENCHMARKS[name][0]))
