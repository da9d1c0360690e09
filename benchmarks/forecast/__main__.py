"""`python -m benchmarks.forecast --data DIR`: the evaluation alone, as one JSON object."""

from __future__ import annotations

import argparse
import sys

import msgspec

from benchmarks.forecast.command import add_options, run
from benchmarks.machine import machine
from producers.errors import AllocastError, FixAndRestart


def main(arguments: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="benchmarks.forecast", description=__doc__)
    add_options(parser)
    try:
        result = {"benchmark": "forecast", "machine": machine(), **run(parser.parse_args(arguments))}
    except AllocastError as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return 2 if isinstance(error, FixAndRestart) else 1
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(result)).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
