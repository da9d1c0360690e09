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
    """Replay `market.ticks` through a clean kernel and compare what the stream wrote, bit for bit.

    Compared are the rows online, the newest on `features.rolling`, the offline store and the bars. Exit code 1
    when anything differs. Example: `allocast verify parity`
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
            rows = ", ".join(f"{count} {source}" for source, count in sorted(one.compared.items()))
            typer.echo(
                f"{one.symbol:<12} {'equal' if one.equal else 'DIFFERENT'}: {rows or 'no'} rows compared"
            )
            for line in one.different:
                typer.echo(f"    {line}")
            if one.not_in_log:
                typer.echo(f"    {one.not_in_log} rows are of sessions that this log does not hold")
        typer.echo("nothing to compare: no rows online" if not verdicts else f"parity: {equal}")
    raise typer.Exit(0 if equal else 1)
