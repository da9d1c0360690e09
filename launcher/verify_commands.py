"""`allocast verify parity`. Like launcher.cli, it imports nothing heavy before the command runs."""

from __future__ import annotations

import typer

from launcher.command_options import Json, StateDir, print_json, settings_of

verify_app = typer.Typer(no_args_is_help=True, help="Checks of what the stream computed.")


@verify_app.callback()
def _group() -> None:
    """Checks of what the stream computed."""


@verify_app.command("parity")
def parity(state_dir: StateDir = None, as_json: Json = False) -> None:
    """Replay `market.ticks` through a clean kernel and compare with the online store, bit for bit.

    Exit code 1 when a symbol differs. Example: `allocast verify parity`
    """
    import msgspec

    from launcher.parity import verify
    from producers.universe import load_universe

    settings = settings_of(state_dir)
    verdicts = verify(settings, load_universe(settings.universe_file))
    equal = bool(verdicts) and all(one.equal for one in verdicts)
    if as_json:
        print_json({"equal": equal, "symbols": [msgspec.to_builtins(one) for one in verdicts]})
    else:
        for one in verdicts:
            words = "equal" if one.equal else f"DIFFERENT: {', '.join(one.different)}"
            typer.echo(f"{one.symbol:<12} at offset {one.offset:<8} {words}")
        typer.echo("nothing to compare: no rows online" if not verdicts else f"parity: {equal}")
    raise typer.Exit(0 if equal else 1)
