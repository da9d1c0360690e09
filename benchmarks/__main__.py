"""`python -m benchmarks NAME...`: run benchmarks and print one JSON object."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import msgspec

from benchmarks import startup, stream
from benchmarks.machine import machine


def main(arguments: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="startup, stream; all when none is given")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument(
        "--feed", default="simulated", help="for startup: simulated, or a folder of CSV files"
    )
    parser.add_argument("--ticks", type=int, default=500_000, help="for stream")
    parser.add_argument("--symbols", type=int, default=500, help="for stream")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - {"startup", "stream"}
    if unknown:
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; known are startup, stream")
    names = options.names or ["startup", "stream"]
    result: dict[str, Any] = {"machine": machine()}
    if "startup" in names:
        simulated = options.feed == "simulated"
        feed = ["--feed", "simulated"] if simulated else ["--feed", "csv", "--data", options.feed]
        result["startup"] = startup.run(feed, options.repeat)
    if "stream" in names:
        result["stream"] = stream.run(options.ticks, options.symbols, options.repeat)
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(result)).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
