"""`allocast dlq list | show | replay`. Like launcher.cli, it imports nothing heavy before a command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from launcher.command_options import Json, StateDir, print_json, settings_of

dlq_app = typer.Typer(no_args_is_help=True, help="Dead letters: records that the stream refused.")

Reason = Annotated[str | None, typer.Option(help="Only this reason, for example late or bad_price.")]


@dlq_app.command("list")
def dlq_list(reason: Reason = None, state_dir: StateDir = None, as_json: Json = False) -> None:
    """Every dead letter with its reason and where it came from.

    Example: `allocast dlq list --reason late`
    """
    from launcher.dead_letters import letters

    found = list(letters(settings_of(state_dir), reason))
    if as_json:
        print_json({"dead_letters": [{**_plain(one), "value": one.value[:200]} for one in found]})
        return
    for one in found:
        typer.echo(f"{one.offset:>8}  {one.reason:<16} {one.kind:<6} {one.source:<24} {one.value[:80]}")
    if not found:
        typer.echo("no dead letters")


@dlq_app.command("show")
def dlq_show(
    offset: Annotated[int, typer.Argument(help="As `dlq list` prints it.")],
    state_dir: StateDir = None,
    as_json: Json = False,
) -> None:
    """One dead letter, whole.

    Example: `allocast dlq show 17`
    """
    from launcher.dead_letters import letters
    from producers.errors import FixAndRestart

    one = next((letter for letter in letters(settings_of(state_dir)) if letter.offset == offset), None)
    if one is None:
        raise FixAndRestart(f"no dead letter at offset {offset}; see `allocast dlq list`")
    if as_json:
        print_json(_plain(one))
        return
    for name, value in _plain(one).items():
        typer.echo(f"{name:>8}: {value}")


@dlq_app.command("replay")
def dlq_replay(
    offsets: Annotated[list[int], typer.Argument(help="As `dlq list` prints them.")],
    state_dir: StateDir = None,
    as_json: Json = False,
) -> None:
    """Publish dead letters again. What is still wrong with them makes them dead letters again.

    Example, after an asset was added to the universe: `allocast dlq replay 17 18`
    """
    from launcher.dead_letters import replay

    count = replay(settings_of(state_dir), offsets)
    if as_json:
        print_json({"replayed": count})
    else:
        typer.echo(f"{count} published again")


def _plain(letter: object) -> dict[str, object]:
    import msgspec

    found: dict[str, object] = msgspec.to_builtins(letter)
    return found
