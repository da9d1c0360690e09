"""`allocast bench forecast`: its options, and its progress."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.forecast import report
from benchmarks.forecast.run import TEST_FROM
from benchmarks.forecast.run import run as evaluate
from producers.errors import FixAndRestart
from training.lstm import Effort
from training.walk_forward import Progress

SAY_EVERY = 0.05  # share of the work between two lines, where nobody watches a bar


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the evaluation."""
    usual = Effort()
    parser.add_argument("--data", type=Path, help="folder of <id>.csv files with date,close (needed)")
    parser.add_argument(
        "--test-from",
        type=date.fromisoformat,
        default=TEST_FROM,
        help="first day of the test [default: %(default)s, before which every choice was made]",
    )
    parser.add_argument("--no-lstm", action="store_true", help="baselines and the other members only")
    parser.add_argument("--seeds", type=int, default=usual.seeds, help="of the LSTM [default: %(default)s]")
    parser.add_argument(
        "--old-recipe", action="store_true", help="show an LSTM on price levels beside (takes minutes)"
    )
    parser.add_argument("--cache", type=Path, help="folder in which forecasts are kept, by data and code")
    parser.add_argument("--html", type=Path, help="write a report with calibration and skill plots here")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate as the options say. Raises FixAndRestart naming the file or option to change."""
    if options.data is None:
        raise FixAndRestart("--data DIR: name the folder of <id>.csv files to evaluate on")
    with progress() as tell:
        result, track = evaluate(
            options.data,
            options.test_from,
            Effort(seeds=options.seeds),
            not options.no_lstm,
            options.old_recipe,
            options.cache,
            progress=tell,
        )
    if options.html is not None:
        options.html.write_text(report.html(result, track), encoding="utf-8")
    return result


@contextmanager
def progress() -> Iterator[Progress]:
    """A bar on a terminal, plain lines elsewhere; standard output belongs to the result."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda done, text: bar.update(task, completed=done, description=text)


class Lines:
    """A line whenever another twentieth is done."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, done: float, text: str) -> None:
        if done < self._next - SAY_EVERY:  # another part of the work has begun
            self._next = 0.0
        if done >= self._next:
            self._next = done + SAY_EVERY
            sys.stderr.write(f"{done:4.0%} {text}\n")
            sys.stderr.flush()
