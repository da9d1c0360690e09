"""`make soak`: 5,000 ticks/s over 500 symbols, every service restarted in turn, and every tick accounted for."""

from __future__ import annotations

import logging
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from benchmarks.command import keep
from benchmarks.machine import machine
from feature_repo.online_store import FencedRedisOnlineStore
from feature_repo.store import load_config
from launcher.parity import verify
from producers.kafka_client import client_config
from producers.publisher import Framer, Publisher
from producers.sessions import nyse
from producers.tick import partition_of
from producers.universe import DEFAULT_FILE, load_universe
from tests.chaos.cluster import PARTITIONS, READY_S, Cluster, cluster, universe_of
from tests.services import until
from tests.soak import accounts, portfolio
from tests.soak.lag import Lag
from tests.soak.rollout import Rollout
from tests.soak.steady_load import EXCHANGE_MS_PER_S, STEP_S, SteadyLoad
from tests.soak.watching import Watching
from tests.stubs import SESSION, close_ms

SYMBOLS, RATE = 500, 5_000
WORKERS = 2
LOAD = "soak"  # the epoch of its frames
FIRST_MODEL_S = 300.0
ROLLOUTS = (0.1, 0.9)  # of the time: between the two every process lives undisturbed
AFTER_S = 15.0  # load after the last rollout
FRESH_AGAIN_S = 15.0
LAG_S = 30.0  # of load: ten seconds between two snapshots, a restart, and what is made up for after it
MOST_MIB_PER_HOUR = 30.0  # twice what the record of 180 sessions takes
STORES = ("kafka", "redis")
KAFKA_MIB, REDIS_MIB = 1024, 512  # what docker-compose.yml allows them
A_LIFE_MINUTES = 60.0  # in which every process lives long enough to be judged


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_nothing_is_lost_and_nothing_grows(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    minutes: float = request.config.getoption("soak_minutes")
    # It cannot decode what Faust tells its group, and says so.
    logging.getLogger("kafka").setLevel(logging.ERROR)
    universe = DEFAULT_FILE.read_text(encoding="utf-8") + universe_of(SYMBOLS)
    with cluster(tmp_path, universe, portfolio.options(minutes)) as running:
        report, problems = soak(running, minutes)
    command = f'make soak ARGS="--soak-minutes {minutes:g} --soak-save"'
    result = {"benchmark": "soak", "machine": machine(), **report, "lost_or_doubled": len(problems)}
    if request.config.getoption("soak_save"):
        keep(result, command, "soak")
    with capsys.disabled():
        sys.stdout.write("\n" + msgspec.json.format(msgspec.json.encode(result)).decode() + "\n")
    assert problems == []
    assert report["ended_by_themselves"] == 0
    assert report["in_log"] == report["published"]
    assert report["symbols_equal"] == report["symbols"]
    assert report["freshness_gap_s"] <= FRESH_AGAIN_S
    assert report["feed_gap_s"] <= FRESH_AGAIN_S
    assert report["most_behind_s"] <= LAG_S
    if minutes >= A_LIFE_MINUTES:
        assert report["mib_per_hour"].keys() == report["most_mib"].keys()  # nobody's memory went unseen
    assert report["most_mib"]["kafka"] < KAFKA_MIB
    assert report["most_mib"]["redis"] < REDIS_MIB
    ours = {name: slope for name, slope in report["mib_per_hour"].items() if name not in STORES}
    assert all(slope < MOST_MIB_PER_HOUR for slope in ours.values()), ours
    shutil.rmtree(tmp_path / "kafka")  # gigabytes, of use only where something has failed


def soak(running: Cluster, minutes: float) -> tuple[dict[str, Any], list[str]]:
    """Run it; the figures, and in words what was lost or done twice."""
    from kafka import KafkaProducer

    settings = running.settings
    assets = load_universe(DEFAULT_FILE).symbols
    symbols = [symbol for symbol in running.universe.symbols if symbol not in assets]
    for _ in range(WORKERS):
        running.add_worker()
    running.shared_by(WORKERS)
    portfolio.start(running)
    for service in running.others:
        until(service.ready, f"{service.name} is ready", FIRST_MODEL_S, every_s=0.5)
    store, config = FencedRedisOnlineStore(), load_config(settings)
    one_of_each = {f"partition {partition_of(one, PARTITIONS)}": one for one in symbols}
    rows = {
        name: store._key(config, symbol)
        for name, symbol in (one_of_each | {one: one for one in assets}).items()
    }
    lag = Lag(settings, PARTITIONS)
    watching = Watching(
        lambda: [running.kafka, running.redis, *running.workers, *running.others],
        settings.redis_url.get_secret_value(),
        rows,
        lag,
    )
    producer = KafkaProducer(**client_config(settings), linger_ms=5)
    load = SteadyLoad(Publisher(producer, Framer(portfolio.FEED, PARTITIONS, LOAD)), symbols, RATE)
    rollout = Rollout(running)
    began = time.monotonic()
    load.start()
    until(lambda: load.published > 2 * RATE, "the load has begun", READY_S)
    watching.start()
    for share in ROLLOUTS:
        _wait_until(began + share * 60 * minutes)
        rollout.run()
    _wait_until(max(began + 60 * minutes, time.monotonic() + AFTER_S))
    seconds = time.monotonic() - began
    published = load.stop()
    seen = watching.stop()
    for service in running.others:  # nothing more is published, and what was asked for is done
        service.terminate()
    until(lambda: lag() == 0, "everything acknowledged", 180, every_s=0.5)
    lag.close()
    producer.close()
    logged = accounts.ticks(settings, LOAD, assets)
    with redis.Redis.from_url(settings.redis_url.get_secret_value(), protocol=2) as client:
        redis_bytes = client.info("memory")["used_memory_dataset"]
    verdicts = {one.symbol: one for one in verify(settings, running.universe)}
    equal = [symbol for symbol in running.universe.symbols if symbol in verdicts and verdicts[symbol].equal]
    problems = accounts.feed_problems(logged.feed) + accounts.record_problems(settings)
    problems += [f"parity of {one.symbol}: {one.different[:3]}" for one in verdicts.values() if not one.equal]
    report = {
        "minutes": round(seconds / 60, 1),
        "ticks_per_s": round(published / seconds),
        "published": published,
        "in_log": logged.load,
        "symbols": len(running.universe.symbols),
        "symbols_equal": len(equal),
        "restarts": rollout.restarts,
        "ended_by_themselves": running.ended_by_themselves,
        "freshness_gap_s": round(max(seen.gap_s[name] for name in one_of_each), 1),
        "feed_gap_s": round(max(seen.gap_s[name] for name in assets), 1),
        "away_s": {name: round(one, 1) for name, one in rollout.away_s.items()},
        "most_records_behind": seen.most_behind,
        "most_behind_s": round(seen.most_behind * STEP_S / PARTITIONS, 1),
        "mib_per_hour": {name: round(slope, 1) for name, slope in sorted(seen.slopes().items())},
        "most_mib": {name: round(size) for name, size in sorted(seen.largest().items())},
        "processors": {name: round(one, 3) for name, one in sorted(seen.processors(seconds).items())},
        "log_bytes_per_tick": round(logged.bytes / max(published, 1), 1),
        "redis_bytes_per_symbol": round(redis_bytes / len(running.universe.symbols)),
        "sessions_of_load": int(nyse().index_at(close_ms(SESSION) + int(EXCHANGE_MS_PER_S * seconds)))
        - SESSION,
        "sessions_of_feed": max(len(sessions) for sessions in logged.feed.values()),
    }
    return report, problems


def _wait_until(moment: float) -> None:
    threading.Event().wait(max(0.0, moment - time.monotonic()))
