"""Yahoo's prices on Apache Kafka: the real producer and worker as processes, killed and cut off, compared with the script."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.services import environment, process
from launcher import apache_kafka, embedded_redis
from launcher.create_topics import ensure_topics, wait_for_broker
from launcher.free_port import LOOPBACK, free_ports
from launcher.parity import verify
from producers import tick, topics
from producers.feed_health import health, newest_report
from producers.reference import CPI
from producers.sessions import nyse
from producers.settings import Settings, load_settings
from producers.universe import load_universe
from stream_processors.state_version import APP_ID
from tests.services import kafka_jars, until
from tests.system import records
from tests.yahoo.market import session_series
from tests.yahoo.server import Yahoo

pytestmark = pytest.mark.timeout(400)

LAST = nyse().index_at(int(time.time() * 1000)) - 1  # the newest session that is over
DAY = 23_400  # seconds of a session: one quote each
TABLE = '[[asset]]\nid = "{0}"\nsymbol = "{1}"\nname = "{0}"\nkind = "price"\ncalendar = "sessions"\nunit = "USD"\n'


@dataclass
class Installation:
    """Stores and a worker; producers come and go."""

    settings: Settings
    environment: dict[str, str]
    folder: Path

    def producer(self, feed: str = "yahoo") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-O", "-P", "-m", "producers", "--feed", feed]
        with (self.folder / "producer.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)

    def said(self) -> str:
        return (self.folder / "producer.log").read_text()

    def frames(self) -> list[tuple[int, int, tick.TickFrame]]:
        """(partition, offset, frame) of the log."""
        found = [
            (one.partition, one.offset, tick.decode(one.value))
            for one in records(self.settings, topics.TICKS)
        ]
        return sorted(found, key=lambda one: one[:2])

    def ticks(self, symbol: str, history: bool) -> list[tuple[int, float | None]]:
        return [
            (frame.event_ms[i], frame.price[i])
            for _, _, frame in self.frames()
            if frame.history is history and symbol in frame.symbols
            for i, at in enumerate(frame.symbol)
            if frame.symbols[at] == symbol
        ]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, yahoo_server: Yahoo) -> Iterator[Installation]:
    jars = kafka_jars()
    folder = tmp_path_factory.mktemp("yahoo-on-kafka")
    universe = folder / "universe.toml"
    universe.write_text(TABLE.format("nasdaq", "^IXIC") + "\n" + TABLE.format("sp500", "^GSPC"))
    kafka_port, redis_port = free_ports(2)
    settings = load_settings(
        kafka_bootstrap_servers=f"{LOOPBACK}:{kafka_port}",
        redis_url=f"redis://{LOOPBACK}:{redis_port}/0",
        state_dir=folder,
        universe_file=universe,
        partitions=2,
    )
    own = environment(settings) | yahoo_server.environment()
    with (
        process(list(apache_kafka.command(folder, kafka_port, jars)), folder / "kafka.log"),
        process(list(embedded_redis.command(folder, redis_port)), folder / "redis.log"),
    ):
        subprocess.run(
            [sys.executable, "-O", "-m", "feature_repo.apply"], env=own, check=True, capture_output=True
        )
        wait_for_broker(settings)
        ensure_topics(settings)
        with process([sys.executable, "-O", "-m", "stream_processors"], folder / "worker.log", own):
            yield Installation(settings, own, folder)


def test_a_day_arrives_complete_through_a_kill_a_cut_and_a_revised_past(
    installed: Installation, yahoo_server: Yahoo
) -> None:
    yahoo, script = yahoo_server, []
    for number, symbol in enumerate(("^IXIC", "^GSPC")):
        yahoo.series[symbol] = session_series(symbol, LAST - 1, 300, number, start=1000.0)
    last = list(yahoo.series["^IXIC"].daily.values())[-1]
    open_ms = int(nyse().close_ms[LAST]) - DAY * 1000

    def play(seconds: range) -> None:
        for second in seconds:
            price = round(last * (1 + 0.00001 * (second % 500)), 2)
            script.append((open_ms + second * 1000, price))
            yahoo.send("^IXIC", price, script[-1][0], day_volume=second + 1)

    def arrived() -> bool:
        report = newest_report(installed.settings)
        mine = [one for one in report.symbols if one.symbol == "^IXIC"] if report else []
        return bool(mine) and mine[0].last_event_ms == script[-1][0]

    first = installed.producer("auto")
    try:
        yahoo.wait_for_stream()
        assert "feed auto: yahoo (Yahoo answers" in installed.said()
        play(range(DAY // 2))
        until(arrived, "half a day has arrived", 60)
        yahoo.cut()
        yahoo.wait_for_stream()
        play(range(DAY // 2, DAY // 2 + 500))
        until(arrived, "what came after the cut", 60)
    finally:
        first.kill()
        first.wait()
    past = installed.ticks("^IXIC", history=True)
    assert len(past) == 300
    yahoo.cut()

    second = installed.producer("auto")
    try:
        yahoo.wait_for_stream()
        assert installed.ticks("^IXIC", history=True) == past  # a second start publishes nothing new
        assert "feed auto: yahoo, as in the log" in installed.said()
        play(range(DAY // 2 + 500, DAY))
        until(arrived, "the whole day", 60)
        prices = [
            (ms, pytest.approx(price, rel=1e-6)) for ms, price in script
        ]  # Yahoo's are single precision
        assert installed.ticks("^IXIC", history=False) == prices
        assert list(records(installed.settings, topics.DEAD)) == []

        yahoo.series["^IXIC"].adjusted = 0.98
        done = subprocess.run(
            [sys.executable, "-m", "launcher.cli", "backfill", "--json"],
            env=installed.environment, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        assert '"revised": 299' in done.stdout, done.stderr
        until(lambda: len(installed.ticks("^IXIC", history=True)) >= 600, "the revised past", 60)
        again = installed.ticks("^IXIC", history=True)[300:]
        assert again[0][1] == pytest.approx(0.98 * (past[0][1] or 0))
        subjects = {one.subject: one.level for one in health(installed.settings)}
        assert subjects["yahoo"] == "ok"
        assert "yahoo ^IXIC" in subjects
    finally:
        second.terminate()
        second.wait()
    _wait_acknowledged(installed.settings)
    verdicts = verify(installed.settings, load_universe(installed.settings.universe_file))
    assert [one.symbol for one in verdicts] == [CPI.symbol, "^GSPC", "^IXIC"]
    assert [one.different for one in verdicts] == [[], [], []]


def test_auto_stays_with_the_market_of_the_log_when_the_network_is_gone(
    installed: Installation, yahoo_server: Yahoo
) -> None:
    yahoo_server.offline = True
    before = len(installed.ticks("^GSPC", history=True))
    third = installed.producer("auto")
    try:

        def offline() -> Any:
            report = newest_report(installed.settings)
            return report and report.state == "offline" and report.feed == "yahoo"

        until(offline, "it says that there is no network", 60)
        assert third.poll() is None
        assert len(installed.ticks("^GSPC", history=True)) == before
    finally:
        third.terminate()
        third.wait()
        yahoo_server.reset()


def _wait_acknowledged(settings: Settings) -> None:
    """Until the worker has made everything durable."""
    from kafka import KafkaConsumer, TopicPartition
    from kafka.admin import KafkaAdminClient

    from producers.kafka_client import client_config
    from training.service import committed

    config = client_config(settings)
    consumer, admin = KafkaConsumer(**config), KafkaAdminClient(**config)
    partitions = [TopicPartition(topics.TICKS, number) for number in range(settings.partitions)]
    ends = {one.partition: end for one, end in consumer.end_offsets(partitions).items()}

    def done() -> bool:
        held = committed(admin, APP_ID, topics.TICKS, list(ends))
        return all(held.get(number, 0) >= end for number, end in ends.items())

    until(done, "everything is acknowledged", 90)
    consumer.close()
    admin.close()
