"""`allocast bench NAME` and `python -m benchmarks NAME`: run one benchmark and print what it found."""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.catalogue import BENCHMARKS, module_of
from benchmarks.machine import machine

RESULTS = Path(__file__).parent / "results"

EXAMPLES = """Examples:

    allocast bench stream --symbols 500 --frames 256,1
    allocast bench freshness --json
    python -m benchmarks results
"""


def main(arguments: list[str], prog: str = "python -m benchmarks") -> int:
    """Entry point. Returns the exit code; argparse exits with 2 on wrong usage."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Measure Allocast on this machine. Servers are started on free loopback ports.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="name", metavar="NAME", required=True)
    for name, (_, meaning) in BENCHMARKS.items():
        command = commands.add_parser(name, help=meaning, description=f"Measure {meaning}.")
        command.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        command.add_argument("--save", action="store_true", help=f"keep the result in {RESULTS.name}/")
        if arguments[:1] == [name]:
            module_of(name).add_options(command)
    commands.add_parser("results", help="write RESULTS.md from the kept results")
    options = parser.parse_args(arguments)
    if options.name == "results":
        from benchmarks.results import write

        write(RESULTS)
        return 0
    # Importing Feast switches on the deprecation warnings of every library.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    logging.getLogger("kafka").setLevel(logging.ERROR)
    result = {"benchmark": options.name, "machine": machine(), **module_of(options.name).run(options)}
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        kept = {
            "command": " ".join(["allocast bench", *(one for one in arguments if one != "--save")]),
            **result,
        }
        body = msgspec.json.format(msgspec.json.encode(kept), indent=2)
        (RESULTS / f"{options.name}.json").write_bytes(body + b"\n")
    if options.json:
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    else:
        sys.stdout.write("\n".join(f"{name:<60} {value}" for name, value in flat(result)) + "\n")
    return 0


def flat(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names and readable values of a result.

    >>> list(flat({"peers": {"quix": {"ticks_per_s": 1234567.8}}, "runs": [1, 2]}))
    [('peers.quix.ticks_per_s', '1,234,567.8'), ('runs', '1 to 2')]
    """
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from flat(inner, f"{prefix}{name}.")
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for position, inner in enumerate(value):
            yield from flat(inner, f"{prefix}{position}.")
    elif isinstance(value, list):
        yield prefix[:-1], " to ".join(map(readable, value))
    else:
        yield prefix[:-1], readable(value)


def readable(value: Any) -> str:
    """Four significant digits, or all digits before the point.

    >>> readable(0.123456), readable(98765.432), readable(None)
    ('0.1235', '98,765.4', 'none')
    """
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
