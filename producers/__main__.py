"""`python -m producers`: reads one feed and publishes it to `market.ticks`.

History goes first, then a training request that names the offsets it ended at, then live ticks. The feed's condition
is told on `feeds.status`, and consumer prices follow their own calendar.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from producers import heap, logs, metrics
from producers.entry_point import exit_codes, told_to_stop
from producers.production import Production
from producers.settings import load_settings
from producers.universe import load_universe

DEFAULT_REPLAY = 250


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of `allocast up` that concern the feed."""
    parser = argparse.ArgumentParser(prog="producers", description=__doc__)
    parser.add_argument("--feed", choices=("auto", "yahoo", "csv", "simulated"), default="auto")
    parser.add_argument("--data", type=Path, help="folder of CSV files, for --feed csv")
    parser.add_argument("--speed", type=float, help="replayed sessions per second")
    parser.add_argument("--replay", type=int, default=DEFAULT_REPLAY, help="sessions replayed as live ticks")
    parser.add_argument("--seed", type=int, default=42, help="of the simulated market")
    parser.add_argument("--ticks", type=float, help="simulated ticks per second, of all assets together")
    parser.add_argument(
        "--shock", action="store_true", help="the simulated market crashes after ten live sessions"
    )
    return parser.parse_args(arguments)


def main() -> int:
    """Entry point: exit code 0 stopped, 1 broker missing, 2 wrong input."""
    options = parse()
    with exit_codes("producers"):
        settings = load_settings()
        logs.configure(settings, "producer")
        heap.keep_small()
        metrics.serve(settings, "producer")
        stop = told_to_stop()
        universe = load_universe(settings.universe_file)
        Production(options, universe, settings).run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
