"""`allocast bench`: hands its arguments to the benchmarks, which are imported only then."""

from __future__ import annotations

import typer

# --help and all options belong to the benchmarks: each has its own.
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def bench(context: typer.Context) -> None:
    """Measure speed and quality on this machine; `allocast bench --help` lists what there is.

    Example: `allocast bench stream --json`
    """
    from benchmarks.command import main

    raise typer.Exit(main(context.args, prog="allocast bench"))
