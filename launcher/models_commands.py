"""`allocast models list | show | promote | rollback`. Like launcher.cli, it imports nothing heavy before a command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from launcher.command_options import Json, StateDir, use_state_dir

models_app = typer.Typer(no_args_is_help=True, help="The trained models.")


@models_app.command("list")
def models_list(state_dir: StateDir = None, as_json: Json = False) -> None:
    """Every trained model, which one is served and why.

    Example: `allocast models list --json`
    """
    use_state_dir(state_dir)
    from training.models_command import run_list

    raise typer.Exit(run_list(as_json))


@models_app.command("show")
def models_show(
    version: Annotated[
        str, typer.Argument(help="A version, or champion, challenger, previous.")
    ] = "champion",
    replay: Annotated[
        bool, typer.Option("--replay", help="Compute gate, alarm, policy and shadow again from the logs.")
    ] = False,
    state_dir: StateDir = None,
    as_json: Json = False,
) -> None:
    """Why a model serves: alarm, window, data, training, gate, shadow, decision. Exit code 1: replayed otherwise.

    Example: `allocast models show champion --replay`
    """
    use_state_dir(state_dir)
    from training.models_command import run_show

    raise typer.Exit(run_show(version, replay, as_json))


@models_app.command("promote")
def models_promote(
    version: Annotated[str, typer.Argument(help="See `allocast models list`.")],
    state_dir: StateDir = None,
    as_json: Json = False,
) -> None:
    """Serve a version from now on, whatever the gate said.

    Example: `allocast models promote 20260101-120000-abc123`
    """
    use_state_dir(state_dir)
    from training.models_command import run_promote

    raise typer.Exit(run_promote(version, as_json))


@models_app.command("rollback")
def models_rollback(state_dir: StateDir = None, as_json: Json = False) -> None:
    """Serve again what the newest promotion replaced.

    Example: `allocast models rollback`
    """
    use_state_dir(state_dir)
    from training.models_command import run_rollback

    raise typer.Exit(run_rollback(as_json))
