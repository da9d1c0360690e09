"""`allocast topics list | tail | create`. Like launcher.cli, it imports nothing heavy before a command runs."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import Annotated

import typer

from launcher.command_options import Json, StateDir, print_json, settings_of
from producers.errors import FixAndRestart

topics_app = typer.Typer(no_args_is_help=True, help="The Kafka topics: list, tail, create.")


@topics_app.command("list")
def topics_list(state_dir: StateDir = None, as_json: Json = False) -> None:
    """Every topic with its partitions and records.

    Example: `allocast topics list`
    """
    from launcher.topic_reader import list_topics

    rows = list_topics(settings_of(state_dir))
    if as_json:
        print_json({"topics": rows})
        return
    typer.echo(f"{'topic':<42} {'partitions':>10} {'records':>10}")
    for row in rows:
        typer.echo(f"{row['name']:<42} {row['partitions']:>10} {row['records']:>10}")


@topics_app.command("tail")
def topics_tail(
    topic: Annotated[str, typer.Argument(help="For example market.ticks, market.bars, features.rolling.")],
    symbol: Annotated[str | None, typer.Option(help="Only this symbol, for example BTC-USD.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with the oldest record.")] = False,
    state_dir: StateDir = None,
    as_json: Json = False,
) -> None:
    """Print records as JSON, one per line, and follow until Ctrl-C; frames of ticks are unpacked.

    With --json: one object with what is there from the start, or with the next --count records. Examples:

        allocast topics tail market.ticks --symbol BTC-USD
        allocast topics tail models.events --from-start --json
    """
    from launcher.topic_reader import tail

    if as_json and not from_start and count is None:
        raise FixAndRestart(
            "topics tail --json prints one object: say where it ends with --from-start or --count"
        )
    follow = not (as_json and from_start)
    records = tail(settings_of(state_dir), topic, symbol=symbol, from_start=from_start, follow=follow)
    chosen = islice(records, count)
    if as_json:
        print_json({"topic": topic, "records": list(chosen)})
        return
    with suppress(KeyboardInterrupt):  # the way to end it
        for record in chosen:
            print_json(record)


@topics_app.command("create")
def topics_create(state_dir: StateDir = None, as_json: Json = False) -> None:
    """Create the topics that are missing; waits up to a minute for Kafka.

    Example: `KAFKA_BOOTSTRAP_SERVERS=kafka:9092 allocast topics create`
    """
    from launcher.create_topics import ensure_topics

    created = ensure_topics(settings_of(state_dir), say=lambda text: typer.echo(text, err=True))
    if as_json:
        print_json({"created": created})
    else:
        typer.echo(f"created {', '.join(created)}" if created else "every topic exists")
