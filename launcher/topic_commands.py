"""`allocast topics list | tail | create`. Like launcher.cli, it imports nothing heavy before a command runs."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import Annotated, Any

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
    begin: Annotated[
        str,
        typer.Option(
            "--from", help="start, end, an offset (@1042), an age (10m, 2h, 7d), a time (2026-01-31T09:30Z)."
        ),
    ] = "end",
    from_start: Annotated[bool, typer.Option("--from-start", help="The same as --from start.")] = False,
    partition: Annotated[int | None, typer.Option(min=0, help="Only this partition.")] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="Only values with this field: reason=late; may be repeated.")
    ] = None,
    pretty: Annotated[
        bool, typer.Option("--pretty", help="One line for people: time, place, the short fields.")
    ] = False,
    state_dir: StateDir = None,
    as_json: Json = False,
) -> None:
    """Print records as JSON, one per line, and follow until Ctrl-C; frames of ticks are unpacked.

    With --json: one object with what is there from --from on, or with --count records. Examples:

        allocast topics tail market.ticks --symbol BTC-USD
        allocast topics tail models.events --from start --where kind=promoted --pretty
        allocast topics tail market.bars --from 2h --json
    """
    from launcher.topic_reader import tail
    from launcher.topic_start import NEXT, OLDEST, parse

    start = OLDEST if from_start else parse(begin)
    if as_json and start == NEXT and count is None:
        raise FixAndRestart(
            "topics tail --json prints one object: say where it ends with --from-start or --count"
        )
    wanted = dict(_field(one) for one in where or ())
    follow = not (as_json and start != NEXT)
    records = tail(
        settings_of(state_dir),
        topic,
        symbol=symbol,
        start=start,
        partition=partition,
        where=wanted,
        follow=follow,
    )
    chosen = islice(records, count)
    if as_json:
        print_json({"topic": topic, "records": [record.value for record in chosen]})
        return
    with suppress(KeyboardInterrupt):  # the way to end it
        for record in chosen:
            if pretty:
                typer.echo(line(record.place, record.at_ms, record.value))
            else:
                print_json(record.value)


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise FixAndRestart(f"--where {text}: expected FIELD=VALUE, for example reason=late")
    return name, value


def line(place: str, at_ms: int, value: dict[str, Any]) -> str:
    """One record for people; lists and nested values are only counted.

    >>> line("market.bars[3]@7", 0, {"symbol": "GC=F", "close": 1.5, "window": [1, 2, 3]})
    '1970-01-01 00:00:00  market.bars[3]@7  symbol=GC=F close=1.5 window=(3)'
    """
    from datetime import UTC, datetime

    shown = " ".join(
        f"{name}=({len(one)})" if isinstance(one, (list, dict)) else f"{name}={one}"
        for name, one in value.items()
    )
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}  {place}  {shown}"


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
