"""`allocast bench NAME` and `python -m benchmarks NAME`: run one benchmark and print what it found."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
import warnings
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.catalogue import BENCHMARKS, module_of
from benchmarks.figures import flat
from benchmarks.machine import machine
from benchmarks.report import write

RESULTS = Path(__file__).parent / "results"

EXAMPLES = """Examples:

    allocast bench stream --symbols 500 --frames 256,1
    allocast bench freshness --json
    python -m benchmarks report
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
        command = commands.add_parser(
            name,
            help=meaning,
            description=f"Measure {meaning}.",
            epilog=f"Example: `allocast bench {name} --json`",
        )
        command.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        command.add_argument(
            "--save",
            nargs="?",
            const="",
            metavar="CASES",
            help=f"keep the result in {RESULTS.name}/{name}.json, or in {name}-CASES.json beside it",
        )
        if arguments[:1] == [name]:
            module_of(name).add_options(command)
    commands.add_parser("report", help="write RESULTS.md from the kept results")
    options = parser.parse_args(arguments)
    if options.name == "report":
        write(RESULTS, RESULTS.with_name("RESULTS.md"))
        return 0
    # Importing Feast switches on the deprecation warnings of every library.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    logging.getLogger("kafka").setLevel(logging.ERROR)
    result = {"benchmark": options.name, "machine": machine(), **module_of(options.name).run(options)}
    if options.save is not None:
        file = "-".join(part for part in (options.name, options.save) if part)
        keep(result, f"allocast bench {shlex.join(arguments)}", file)
    if options.json:
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    else:
        sys.stdout.write("\n".join(f"{name:<60} {value}" for name, value in flat(result)) + "\n")
    return 0


def keep(result: dict[str, Any], command: str, name: str) -> None:
    """Write a result into benchmarks/results/`name`.json, with the command that made it."""
    RESULTS.mkdir(exist_ok=True)
    body = msgspec.json.format(msgspec.json.encode({"command": command, **result}), indent=2)
    (RESULTS / f"{name}.json").write_bytes(body + b"\n")
