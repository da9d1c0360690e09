"""Every benchmark that needs servers runs on a small stream, and its counts add up. Times are not judged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from benchmarks import freshness, producer, recovery, serve, stream
from benchmarks.market import ticks
from benchmarks.peers.running import PEERS, missing, rate
from benchmarks.services import ready
from feature_repo.features import NUMERIC_NAMES, WINDOW
from feature_repo.online import FeastReader
from producers.settings import Settings

SYMBOLS = 6
TICKS = 1_200
DATABASES = {name: 1 + at for at, name in enumerate(PEERS)}  # of the same Redis: the peers run side by side


@pytest.fixture(scope="module")
def settings(apache_kafka: str, redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Six symbols on the servers of the test session."""
    return ready(apache_kafka, redis_server, tmp_path_factory.mktemp("bench"), SYMBOLS)


@pytest.fixture(scope="module")
def ours(settings: Settings) -> dict[str, Any]:
    """One case of `allocast bench stream`; leaves its log and its rows."""
    return stream.case(settings, SYMBOLS, 16, TICKS, 1, [], 0.0)


@pytest.fixture(scope="module")
def peers(settings: Settings, ours: dict[str, Any]) -> dict[str, Settings]:
    """Every installed peer has processed the same log, into a database of its own."""
    assert ours["ticks"] == TICKS
    installed = [name for name in PEERS if missing(PEERS[name]) is None]

    def one(name: str) -> Settings:
        url = settings.redis_url.get_secret_value().rsplit("/", 1)[0]
        folder = settings.state_dir / name
        folder.mkdir()
        (folder / "feast_registry.db").write_bytes(settings.registry_file.read_bytes())
        own = settings.model_copy(
            update={"redis_url": SecretStr(f"{url}/{DATABASES[name]}"), "state_dir": folder}
        )
        redis.Redis.from_url(own.redis_url.get_secret_value()).flushdb()
        _, done = rate(PEERS[name], own, TICKS, settings.state_dir / "warm-states", limit_s=100)
        assert done == TICKS
        return own

    with ThreadPoolExecutor(len(installed)) as pool:
        return dict(zip(installed, pool.map(one, installed), strict=True))


def online(settings: Settings) -> dict[bytes, dict[bytes, bytes]]:
    client: Any = redis.Redis.from_url(settings.redis_url.get_secret_value())
    return {key: client.hgetall(key) for key in client.scan_iter()}


def test_the_worker_has_processed_all_ticks(settings: Settings, ours: dict[str, Any]) -> None:
    assert ours["allocast"]["ticks"] == TICKS
    assert ours["allocast"]["rows_online"] >= SYMBOLS
    assert ours["allocast"]["readable_ticks_per_s"] >= ours["allocast"]["ticks_per_s"] > 0
    assert ours["ratio_best_peer"] is None
    rows = FeastReader(settings).read([f"S{number}" for number in range(SYMBOLS)])
    batch = ticks(TICKS, SYMBOLS, seed=1)
    newest = {str(symbol): price for symbol, price in zip(batch.symbol, batch.price, strict=True)}
    assert {symbol: row.values["price"] for symbol, row in rows.items()} == newest
    assert all(row.is_warm and row.window is not None for row in rows.values())


@pytest.mark.parametrize("name", ["bytewax", "quixstreams"])
def test_a_peer_with_our_kernel_writes_the_same_rows(
    name: str, settings: Settings, peers: dict[str, Settings]
) -> None:
    if name not in peers:
        pytest.skip(str(missing(PEERS[name])))
    rows = online(peers[name])
    assert len(rows) == SYMBOLS
    assert rows == online(settings)


def test_the_tutorial_computes_the_same_session_features(
    settings: Settings, peers: dict[str, Settings]
) -> None:
    symbols = [f"S{number}" for number in range(SYMBOLS)]
    own, wanted = FeastReader(peers["faust_push"]).read(symbols), FeastReader(settings).read(symbols)
    for symbol in symbols:
        found = {name: value for name, value in own[symbol].values.items() if value is not None}
        assert len(found) >= 20
        assert found == pytest.approx({name: wanted[symbol].values[name] for name in found}, rel=1e-6), symbol
        assert own[symbol].window == pytest.approx(wanted[symbol].window, rel=1e-6, abs=1e-9)
    assert {"rsi_14", "momentum_252"} <= set(found) <= set(NUMERIC_NAMES) - {WINDOW}


def test_every_watched_tick_becomes_readable(settings: Settings) -> None:
    (point,) = freshness.measure(settings, SYMBOLS, [400.0], seconds=3.0)
    assert point["ticks"] == 1200
    assert point["missing"] == 0
    assert 10 < point["samples"] <= 400
    assert 0 < point["p50_ms"] <= point["p99_ms"] <= point["max_ms"]


def test_rows_are_fresh_again_after_a_kill(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "STEADY_S", 0.5)
    found = recovery.measure(settings, 200.0, SYMBOLS, 1)
    assert found["runs"] == 1
    assert 0 < found["fresh_again_s"] < recovery.DEADLINE_S


def test_the_producer_publishes_everything(settings: Settings) -> None:
    found = producer.measure(settings, ticks(3_000, SYMBOLS, seed=1), repeat=1)
    assert found["ticks_per_s"] > 0
    assert found["framing_alone"]["runs"] == 1


def test_reading_and_answering(settings: Settings, tmp_path: Path) -> None:
    other = ready(
        settings.kafka_bootstrap_servers, settings.redis_url.get_secret_value(), tmp_path, max(serve.COUNTS)
    )
    found = serve.measure(other, repeat=5)
    assert found["scenarios"] == 10_000
    assert set(found["read"]) == {"1", "10", "100"}
    for count in found["read"].values():
        assert count["raw_hmget"]["p50_ms"] > 0
        assert count["feast"]["p50_ms"] > 0
