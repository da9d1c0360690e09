"""`make soak`: 5,000 ticks/s over 500 symbols, two workers that are restarted in turn, and every tick accounted for."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from pathlib import Path

import pytest
import redis

from feature_repo.online_store import FencedRedisOnlineStore
from feature_repo.store import load_config
from launcher.parity import verify
from launcher.topic_reader import consumer, whole_topic
from producers import tick, topics
from producers.kafka_client import client_config
from producers.publisher import Framer, Publisher
from producers.sessions import nyse
from producers.tick import partition_of
from tests.chaos.cluster import PARTITIONS, READY_S, cluster
from tests.services import until
from tests.soak.steady_load import EXCHANGE_MS_PER_S, SteadyLoad
from tests.soak.watching import Watching
from tests.stubs import SESSION, close_ms

SYMBOLS, RATE = 500, 5_000
WORKERS = 2
FRESH_AGAIN_S = 15.0
MOST_MIB_PER_HOUR = 60.0


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_nothing_is_lost_and_nothing_grows(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from kafka import KafkaProducer

    minutes: float = request.config.getoption("soak_minutes")
    logging.getLogger("kafka").setLevel(
        logging.ERROR
    )  # it cannot decode what Faust tells its group, and says so
    with cluster(tmp_path, SYMBOLS) as running:
        settings, symbols = running.settings, running.universe.symbols
        store, config = FencedRedisOnlineStore(), load_config(settings)
        rows = {partition_of(symbol, PARTITIONS): store._key(config, symbol) for symbol in symbols}
        workers = [running.add_worker() for _ in range(WORKERS)]
        running.shared_by(WORKERS)
        producer = KafkaProducer(**client_config(settings), linger_ms=5)
        load = SteadyLoad(Publisher(producer, Framer("soak", PARTITIONS, "soak")), symbols, RATE)
        ends: dict[int, int] = {}

        def behind() -> int | None:
            with consumer(settings) as reader:
                from kafka import TopicPartition

                wanted = [TopicPartition(topics.TICKS, number) for number in range(PARTITIONS)]
                ends.update({one.partition: end for one, end in reader.end_offsets(wanted).items()})
            return running.group.behind(ends)

        watching = Watching(
            lambda: [running.kafka, running.redis, *workers],
            settings.redis_url.get_secret_value(),
            rows,
            behind,
        )
        began = time.monotonic()
        load.start()
        until(lambda: load.published > 2 * RATE, "the load has begun", 60)
        watching.start()
        restarts = 0
        quarter = max(15.0, minutes * 60 / 4)
        while time.monotonic() - began < minutes * 60:
            pause = threading.Event()
            pause.wait(min(quarter, max(0.0, minutes * 60 - (time.monotonic() - began))))
            if time.monotonic() - began < minutes * 60 * 0.9:
                for worker in workers:
                    worker.terminate()
                    worker.start()
                    restarts += 1
                    until(worker.ready, f"{worker.name} is ready", READY_S, every_s=0.5)  # as a rollout waits
                    running.shared_by(WORKERS)
        seconds = time.monotonic() - began
        published = load.stop()
        seen = watching.stop()
        until(lambda: behind() == 0, "everything acknowledged", 180, every_s=0.5)
        producer.close()
        with consumer(settings) as reader:
            logged = log_bytes = 0
            for one in whole_topic(reader, topics.TICKS):
                logged += len(tick.decode(one.value).symbol)
                log_bytes += len(one.value)
        with redis.Redis.from_url(settings.redis_url.get_secret_value(), protocol=2) as client:
            redis_bytes = client.info("memory")["used_memory_dataset"]
        verdicts = verify(settings, running.universe)
        report = {
            "minutes": round(seconds / 60, 1),
            "ticks_per_s": round(published / seconds),
            "published": published,
            "in_log": logged,
            "symbols_equal": sum(one.equal for one in verdicts),
            "restarts": restarts,
            "freshness_gap_s": round(max(seen.gap_s.values(), default=0.0), 1),
            "most_records_behind": seen.most_behind,
            "mib_per_hour": {name: round(slope, 1) for name, slope in sorted(seen.slopes().items())},
            "most_mib": {name: round(size) for name, size in sorted(seen.largest().items())},
            "processors": {name: round(one, 2) for name, one in sorted(seen.processors(seconds).items())},
            "log_bytes_per_tick": round(log_bytes / max(logged, 1), 1),
            "redis_bytes_per_symbol": round(redis_bytes / SYMBOLS),
            "sessions": int(nyse().index_at(close_ms(SESSION) + int(EXCHANGE_MS_PER_S * seconds))) - SESSION,
        }
        with capsys.disabled():
            sys.stdout.write("\n" + json.dumps(report, indent=1) + "\n")
        assert logged == published
        assert report["symbols_equal"] == len(verdicts) == SYMBOLS, [
            one for one in verdicts if not one.equal
        ][:3]
        assert report["freshness_gap_s"] <= FRESH_AGAIN_S
        if minutes >= 30:  # a shorter run shows warming up, not a leak
            ours = {name: slope for name, slope in seen.slopes().items() if name.startswith("worker")}
            assert all(slope < MOST_MIB_PER_HOUR for slope in ours.values()), ours
