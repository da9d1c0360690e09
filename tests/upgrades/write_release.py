"""Writes what this release leaves on disk, in Redis and in the topics, for the tests of later releases to read.

Run it once at each release; it makes the folder of the next number. Earlier folders stay as they are:

    .venv/bin/python -m tests.upgrades.write_release

MLflow's database is left out: it has almost a megabyte when it is empty.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import redis

from feature_repo.apply import apply
from feature_repo.features import spec_hash
from feature_repo.online import FeastReader, FeatureRow
from feature_repo.online_store import FencedRedisOnlineStore
from feature_repo.store import load_config
from launcher import embedded_redis
from launcher.free_port import LOOPBACK, free_ports
from launcher.topic_contract import MESSAGES
from producers import feed_report, request, tick
from producers.sessions import nyse
from producers.settings import load_settings
from producers.universe import load_universe
from stream_processors import drift, policy, snapshots
from stream_processors.partition import Final, Partition, final_message
from stream_processors.sinks import offline_writer
from stream_processors.state_version import source_log
from tests.services import running
from tests.stubs import SEEN_MS, closes, random_walk
from tests.training.worlds import frame_of
from tests.upgrades.release import (
    HERE,
    SYMBOL,
    OnlineHash,
    Release,
    TopicValue,
    folders,
    pack_changelog,
    write,
)
from training import artefact, events, fitting, forecast_log
from training.champion import Champion
from training.dataset import build

FIRST, SESSIONS, OFFLINE_SESSIONS = 9_000, 660, 5
OFFSET = 1_042
LOG = source_log("3JfVd0LDSzKZ2vXwGLNCyQ", 0)
VERSION = "20080410T210000Z-released"


def main() -> int:
    """Write the folder of the next number."""
    folder = HERE / f"released-{len(folders()) + 1}"
    folder.mkdir()
    *past, price, next_price = random_walk(SESSIONS + 2)
    partition = Partition(0, LOG, load_universe(), nyse())
    history = closes(
        [*past, price], SYMBOL, FIRST, history=True, settled=True, restart=[0], epoch="01J0RELEASED"
    )
    outcome = partition.apply(history, OFFSET)
    final = outcome.finals[-1]

    offline_writer(folder / "offline")(0, outcome.finals[-OFFLINE_SESSIONS:])
    write(folder, "changelog", pack_changelog(partition.snapshot(partition.changed)))
    written, row = online(partition)
    write(folder, "online", written)
    champion = small_model(folder / "models", past)
    forecast = forecast_log.forecast_of(champion, final_message(final), source=f"market.ticks[0]@{OFFSET}")
    write(folder, "topics", topic_values(final, forecast))
    write(
        folder,
        "release",
        Release(
            spec_hash=spec_hash(),
            layout=snapshots.LAYOUT.hex(),
            artefact=artefact.SCHEMA,
            log=LOG,
            next_offset=partition.next_offset,
            price=price,
            next_price=next_price,
            closes={one.bar.session_date: one.bar.close for one in outcome.finals[-OFFLINE_SESSIONS:]},
            window=(final_message(final).window or [])[-6:],
            momentum=row.values["momentum_252"],
            version=VERSION,
            quantiles=champion.quantiles([row])[0].tolist(),
        ),
    )
    sys.stdout.write(f"wrote {folder}\n")
    return 0


def online(partition: Partition) -> tuple[OnlineHash, FeatureRow]:
    """The row as the worker's store writes it, and as it is read."""
    port = free_ports(1)[0]
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch, "log")
        with running(embedded_redis.command(Path(scratch), port), port, log):
            url = f"redis://{LOOPBACK}:{port}/0"
            settings = load_settings(redis_url=url, state_dir=Path(scratch, "state"))
            apply(settings)
            config = load_config(settings)
            FencedRedisOnlineStore().write_rows(config, [partition.online_rows(partition.dirty)])
            with redis.Redis.from_url(url) as client:
                (key,) = client.keys()
                written = OnlineHash(key, sorted(client.hgetall(key).items()))
            return written, FeastReader(settings).read([SYMBOL])[SYMBOL]


def small_model(models: Path, past: list[float]) -> Champion:
    """A model that needs no training."""
    dataset = build(frame_of({SYMBOL: past}, FIRST), [SYMBOL])
    staged = artefact.stage(models, VERSION)
    fitting.save(models, staged, fitting.fit_without_lstm(dataset), dataset, "storm", "five alarms", SEEN_MS)
    return Champion(models / VERSION)


def topic_values(final: Final, forecast: Any) -> list[TopicValue]:
    """One value of every topic with all of its fields, by its type."""
    frame = tick.TickFrame(
        source="csv",
        epoch="01J0LIVE",
        seq=7,
        seen_ms=SEEN_MS,
        symbols=[SYMBOL, "^IXIC"],
        symbol=[0, 1, 0],
        event_ms=[final.bar.close_event_ms + 86_400_000 + i for i in range(3)],
        price=[final.bar.close, 7_000.25, None],
        size=[2.0, None, None],
        history=True,
        settled=True,
        restart=[1],
        marks=[tick.Mark.PRE_MARKET, tick.Mark.NONE, tick.Mark.NONE],
    )
    ((_, dead), *_) = Partition(0, LOG, load_universe(), nyse()).apply(frame, OFFSET).dead
    served = policy.Served(FIRST + SESSIONS, VERSION, spec_hash(), SEEN_MS)
    decided = policy.step(policy.State(streaks={"gold:scale": 1}), served)
    everything = (
        frame,
        final.bar,
        final_message(final),
        msgspec.structs.replace(dead, size=2.0),
        drift.DriftReport(
            asset="all",
            detector="policy",
            value=1.0,
            threshold=5.0,
            alarm=True,
            triggers=True,
            session_date=final.bar.session_date,
            pit=0.75,
            model=VERSION,
            at_ms=SEEN_MS,
            window=23,
            bar="market.bars[0]@17",
            forecast="forecasts.log[0]@16",
            informs=True,
            policy={"name": decided.state.name, "state": msgspec.to_builtins(decided.state), "news_read": 3},
        ),
        feed_report.FeedReport(
            feed="yahoo",
            asked="auto",
            state="polling",
            since_ms=SEEN_MS - 60_000,
            at_ms=SEEN_MS,
            detail="the stream is silent",
            offered="allocast up --feed yahoo",
            blocks_training="the past differs",
            history_version="5f0c1d2e",
            left_out={"repeat": 4},
            symbols=[
                feed_report.SymbolReport(SYMBOL, SEEN_MS - 900, SEEN_MS, 661, 660, 1, [20071225], "no quotes")
            ],
        ),
        request.TrainingRequest(
            "storm", "storm:9660", SEEN_MS, "a fifth alarm", "yahoo 5f0c1d2e", {"0": OFFSET}
        ),
        events.ModelEvent(
            kind="promoted",
            version=VERSION,
            reason="storm",
            at_ms=SEEN_MS,
            detail="served without the LSTM",
            idempotency_key="storm:9660",
            progress=1.0,
            final=True,
            report={"ratio": 0.98, "horizons": [1, 21]},
            replaced="20080301T210000Z-before",
        ),
        msgspec.structs.replace(forecast, without_lstm=forecast.quantiles[0]),
    )
    return [
        TopicValue(message.topic, message.schema, msgspec.json.encode(value).decode())
        for message, value in zip(MESSAGES, everything, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(main())
