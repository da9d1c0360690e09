"""The `allocast` command. Nothing heavy is imported here: `allocast --help` must answer at once."""

from __future__ import annotations

import logging
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from launcher.bench_command import PASS_ON, bench
from launcher.command_options import Json, StateDir, print_json, settings_of, use_state_dir
from launcher.dead_letter_commands import dlq_app
from launcher.models_commands import models_app
from launcher.topic_commands import topics_app
from launcher.verify_commands import verify_app
from producers.errors import AllocastError, FixAndRestart

USAGE = 2
FAILED = 1

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="""What would this split of my savings gain or lose after inflation, and how sure is that?

Start everything, then ask:

    allocast up
    allocast forecast --amount 10000 --weights gold=40,nasdaq=30,bitcoin=20,cash=10 --horizon 6m

Every command takes --json and then prints one JSON object. Exit code 0: ok, 1: failed, 2: wrong usage.
""",
)
app.add_typer(topics_app, name="topics")
app.add_typer(models_app, name="models")
app.add_typer(dlq_app, name="dlq")
app.add_typer(verify_app, name="verify")
app.command("bench", context_settings=PASS_ON)(bench)


class FeedName(StrEnum):
    """Where prices come from."""

    auto = "auto"
    yahoo = "yahoo"
    csv = "csv"
    simulated = "simulated"


class BrokerName(StrEnum):
    """The Kafka that `up` starts when KAFKA_BOOTSTRAP_SERVERS is not set."""

    embedded = "embedded"
    apache = "apache"


@app.command()
def up(
    feed: Annotated[
        FeedName,
        typer.Option(help="auto: yahoo if it answers within 3 s (asked three times), else simulated."),
    ] = FeedName.auto,
    data: Annotated[
        Path | None, typer.Option(help="Folder with `gold.csv`, `nasdaq.csv`...: columns date, close.")
    ] = None,
    speed: Annotated[float | None, typer.Option(help="Replayed or simulated sessions per second.")] = None,
    replay: Annotated[int | None, typer.Option(help="Last sessions that are replayed as live ticks.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the simulated market.")] = None,
    ticks: Annotated[
        float | None, typer.Option(help="Simulated ticks per second, of all assets together.")
    ] = None,
    shock: Annotated[
        bool, typer.Option("--shock", help="Force a regime change in the simulated market.")
    ] = False,
    broker: Annotated[
        BrokerName,
        typer.Option(
            help="embedded: in memory, starts at once. apache: Apache Kafka, durable, needs java and mvn."
        ),
    ] = BrokerName.embedded,
    host: Annotated[
        str | None, typer.Option(help="Address the page listens on. [default: 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port of the page; 0: any. [default: 8050, or the next free]"),
    ] = None,
    state_dir: StateDir = None,
    as_json: Json = False,
) -> None:
    """Start Kafka, Redis, producer, stream worker, training and the page; Ctrl-C stops everything.

    Addresses in KAFKA_BOOTSTRAP_SERVERS and REDIS_URL are used instead of embedded services. Examples:

        allocast up
        allocast up --feed csv --data history/ --speed 5
        allocast up --broker apache --port 9000
    """
    from launcher.plan import Options
    from launcher.up import up as start

    use_state_dir(state_dir)
    options = Options(
        feed=feed.value,
        data=data,
        speed=speed,
        replay=replay,
        seed=seed,
        ticks=ticks,
        shock=shock,
        broker=broker.value,
        host=host,
        port=port,
    )
    raise typer.Exit(start(options, as_json))


@app.command()
def status(state_dir: StateDir = None, as_json: Json = False) -> None:
    """What runs, since when, with how much memory. Exit code 1 when nothing runs.

    Example: `allocast status --json`
    """
    from launcher.status import lines
    from launcher.status import status as look
    from producers.settings import StateFolder

    use_state_dir(state_dir)
    found = look(StateFolder().state_dir.absolute())
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(lines(found)))
    raise typer.Exit(0 if found["running"] else FAILED)


@app.command()
def doctor(state_dir: StateDir = None, as_json: Json = False) -> None:
    """Look at the broker, the topics, Redis, the registry, the model, clocks and disk, and say how to repair them.

    Exit code 1 when anything fails; a warning is a risk and no failure. Example: `allocast doctor --json`
    """
    from launcher.command_options import settings_of
    from launcher.doctor import examine, line

    findings = []
    for finding in examine(settings_of(state_dir)):
        findings.append(finding)
        if not as_json:
            typer.echo(line(finding))
    counts = {verdict: sum(one.verdict == verdict for one in findings) for verdict in ("ok", "warn", "fail")}
    if as_json:
        shown = [{name: getattr(one, name) for name in one.__struct_fields__} for one in findings]
        print_json({"healthy": not counts["fail"], **counts, "findings": shown})
    else:
        typer.echo(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    raise typer.Exit(FAILED if counts["fail"] else 0)


@app.command()
def backfill(state_dir: StateDir = None, as_json: Json = False) -> None:
    """Fetch every asset's whole history from Yahoo; what is new or was revised goes to Kafka.

    A running `allocast up --feed yahoo` publishes it within seconds; otherwise the next one does. Doing it twice
    changes nothing. Example: `allocast backfill --json`
    """
    from launcher.backfill import lines
    from launcher.backfill import run as fetch

    found = fetch(settings_of(state_dir))
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(lines(found)))
    raise typer.Exit(FAILED if found["failed"] else 0)


@app.command()
def forecast(
    amount: Annotated[float, typer.Option(help="What is invested today, in your currency.")],
    weights: Annotated[str, typer.Option(help="Percent per asset, together 100: gold=40,nasdaq=30,cash=30")],
    horizon: Annotated[str, typer.Option(help="1m, 3m or 6m.")] = "6m",
    fee: Annotated[
        float, typer.Option(help="Percent of every purchase and sale; the deposit is free.")
    ] = 0.0,
    rebalance: Annotated[str, typer.Option(help="none or monthly.")] = "none",
    deposit: Annotated[
        str, typer.Option(help="fixed: today's rate to the end; renewed: each month at the rate of then.")
    ] = "fixed",
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Add the allocation of least CVaR and the efficient frontier.")
    ] = False,
    state_dir: StateDir = None,
    as_json: Json = False,
) -> None:
    """What an allocation may gain or lose after inflation.

    Example: `allocast forecast --amount 10000 --weights gold=40,nasdaq=30,bitcoin=20,cash=10 --horizon 6m --json`
    """
    use_state_dir(state_dir)
    from training.forecast_command import run

    raise typer.Exit(run(amount, weights, horizon, as_json, fee, rebalance, deposit, suggest))


@app.command("forecast-record")
def forecast_record(state_dir: StateDir = None, as_json: Json = False) -> None:
    """What was forecast and what came of it: "we said 10 % chance of loss; it happened x of y times".

    Example: `allocast forecast-record --json`
    """
    use_state_dir(state_dir)
    from training.record_command import run

    raise typer.Exit(run(as_json))


@app.command()
def train(
    wait: Annotated[bool, typer.Option("--wait", help="Return when the training has ended.")] = False,
    state_dir: StateDir = None,
    as_json: Json = False,
) -> None:
    """Ask the running training service for a new model.

    Example: `allocast train --wait`
    """
    use_state_dir(state_dir)
    from training.train_command import run

    raise typer.Exit(run(as_json, wait))


def main() -> NoReturn:
    """Entry point. Errors that we raise on purpose become one sentence and an exit code, never a traceback."""
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # its reconnects are reported by our own message
    try:
        app()
    except FixAndRestart as error:
        typer.echo(f"allocast: {error}", err=True)
        sys.exit(USAGE)
    except AllocastError as error:
        typer.echo(f"allocast: {error}", err=True)
        sys.exit(FAILED)
    except BrokenPipeError:  # `allocast topics tail ... | head` closed it
        sys.stdout = None  # otherwise the interpreter complains once more when it flushes
        sys.exit(0)
    sys.exit(0)


if __name__ == "__main__":
    main()
