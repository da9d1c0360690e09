"""The example consumers, each in its own language and client, against Apache Kafka."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaProducer

from launcher.create_topics import ensure_topics
from launcher.topic_reader import tail
from launcher.topic_start import OLDEST, Start, parse
from producers import topics
from producers.errors import FixAndRestart
from producers.kafka_client import client_config
from producers.settings import Settings, load_settings
from stream_processors.messages import BAR_SCHEMA, Bar

CONSUMERS = Path(__file__).parents[2] / "examples" / "consumers"
DATES = [20260105, 20260106, 20260107]
UNKNOWN = {"bar/10": 20260101, "bar/2": 20260102, "other/1": 20260103, "": 20260104}


def symbol_of(name: str) -> str:
    return f"SYM-{name}"


@pytest.fixture(scope="module")
def settings(apache_kafka: str) -> Settings:
    """Three bars of each example's own symbol, among those of others and values that it does not know."""
    given = load_settings(kafka_bootstrap_servers=apache_kafka)
    ensure_topics(given)
    with KafkaProducer(**client_config(given)) as producer:
        for name in ("python", "confluent", "node", "tail"):
            for schema, date in [*UNKNOWN.items(), *((BAR_SCHEMA, date) for date in DATES)]:
                bar = Bar(symbol_of(name), date, 1.0, 2.0, 0.5, 1.5, 7, 1, 2)
                producer.send(
                    topics.BARS,
                    key=bar.key,
                    value=msgspec.json.encode(bar),
                    partition=3,
                    headers=topics.schema_header(schema),
                )
    return given


def read(*command: str | Path, cwd: Path | None = None) -> list[int]:
    """Dates that an example prints before it ends by itself."""
    done = subprocess.run([*map(str, command), "3"], capture_output=True, text=True, timeout=60, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return [int(line.split()[0]) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("file", "name"), [("kafka_python_consumer.py", "python"), ("confluent_consumer.py", "confluent")]
)
def test_a_consumer_in_python(settings: Settings, file: str, name: str) -> None:
    broker = settings.kafka_bootstrap_servers
    assert read(sys.executable, CONSUMERS / file, broker, symbol_of(name)) == DATES


def test_a_consumer_in_node(settings: Settings, tmp_path: Path) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    for name in ("package.json", "consumer.mjs"):
        shutil.copy(CONSUMERS / name, tmp_path)
    installed = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if installed.returncode:
        pytest.skip(f"npm cannot install the client: {installed.stderr[-300:]}")
    broker = settings.kafka_bootstrap_servers
    assert read("node", tmp_path / "consumer.mjs", broker, symbol_of("node"), cwd=tmp_path) == DATES


@pytest.mark.parametrize("file", sorted(CONSUMERS.glob("*consumer.*")), ids=lambda path: path.name)
def test_an_example_is_short(file: Path) -> None:
    code = [
        line
        for line in file.read_text().splitlines()
        if line.strip() and not line.strip().startswith(("#", "//"))
    ]
    assert len(code) <= 35


def test_tail_begins_at_an_offset_or_a_time_and_filters(settings: Settings) -> None:
    own = symbol_of("tail")
    everything = list(tail(settings, topics.BARS, symbol=own, start=OLDEST, follow=False))
    assert [one.value["session_date"] for one in everything] == [*UNKNOWN.values(), *DATES]
    at = len(UNKNOWN) + 1
    second = everything[at]
    offset = int(second.place.rpartition("@")[2])
    assert (
        list(tail(settings, topics.BARS, symbol=own, start=Start(offset=offset), follow=False))
        == everything[at:]
    )
    ago = tail(settings, topics.BARS, symbol=own, start=parse("1h"), follow=False)
    assert list(ago) == everything
    later = Start(at_ms=everything[-1].at_ms + 60_000)
    assert list(tail(settings, topics.BARS, start=later, follow=False)) == []
    where = {"session_date": str(DATES[1])}
    assert list(tail(settings, topics.BARS, symbol=own, start=OLDEST, where=where, follow=False)) == [second]
    assert list(tail(settings, topics.BARS, symbol=own, start=OLDEST, partition=2, follow=False)) == []
    with pytest.raises(FixAndRestart, match="--partition 99"):
        list(tail(settings, topics.BARS, partition=99, follow=False))


@pytest.mark.parametrize("text", ["yesterday", "@", "@x", "10", "10y", "2026-13-01", ""])
def test_a_start_that_is_none_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(FixAndRestart, match="expected start, end, an offset"):
        parse(text)
