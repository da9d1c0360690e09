"""Contract of both stores: what we write is what stock Feast reads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import redis

from feature_repo.apply import apply
from feature_repo.features import NUMERIC_NAMES, ROW_SIZE, WARM_SESSIONS, spec_hash
from feature_repo.offline_sink import to_table, upsert
from feature_repo.online import FeastReader, FeatureReader, FeatureRow, MemoryReader
from feature_repo.online_rows import INTEGERS, OnlineRows
from feature_repo.store import load_config, open_store
from producers.errors import TryAgain
from producers.settings import Settings, load_settings
from tests.stubs import SESSION, close_ms, row


@pytest.fixture(scope="module")
def settings(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A state folder with an applied registry, and Redis."""
    folder = tmp_path_factory.mktemp("feast")
    given = load_settings(redis_url=redis_server, state_dir=folder)
    assert apply(given)
    yield given
    shutil.rmtree(folder)


@pytest.fixture
def client(redis_server: str) -> Iterator[redis.Redis]:
    connection = redis.Redis.from_url(redis_server)
    connection.flushdb()
    yield connection
    connection.close()


def online_row(given: FeatureRow, offset: int = 1, log: str = "log:0") -> OnlineRows:
    """A row as the kernel hands it over."""
    given = msgspec.structs.replace(given, source_offset=offset)
    values = [np.nan if given.values[name] is None else given.values[name] for name in NUMERIC_NAMES]
    window = np.full(128, np.nan) if given.window is None else given.window.ravel()
    return OnlineRows(
        symbols=[given.symbol],
        rows=np.array([[*values, *window]]),
        integers=np.array([[int(getattr(given, name)) for name in INTEGERS]]),
        feeds=[given.feed],
        log=log,
    )


def write(settings: Settings, *rows: OnlineRows) -> int:
    from feature_repo.online_store import FencedRedisOnlineStore

    return FencedRedisOnlineStore().write_rows(load_config(settings), rows)


def random_rows() -> list[FeatureRow]:
    rng = np.random.default_rng(0)
    values = [
        dict(zip(NUMERIC_NAMES, rng.standard_normal(len(NUMERIC_NAMES)) * 1e3, strict=True)) for _ in range(3)
    ]
    return [
        row("GC=F", values=values[0], window=rng.standard_normal((64, 2))),
        row("^IXIC", values={**values[1], "momentum_252": None, "price": 5e-324}, window=None, is_warm=False),
        row(
            "BTC-USD",
            values={**values[2], "price": 1.7e308},
            event_ms=close_ms(SESSION) + 123,
            n_sessions=2**40,
        ),
    ]


def same(one: FeatureRow, other: FeatureRow) -> bool:
    fields = [name for name in one.__struct_fields__ if name != "window"]
    return all(getattr(one, name) == getattr(other, name) for name in fields) and (
        (one.window is None and other.window is None) or np.array_equal(one.window, other.window)
    )


@pytest.fixture(params=["feast", "memory"])
def reader(request: pytest.FixtureRequest, settings: Settings, client: redis.Redis) -> FeatureReader:
    """Both readers, holding the same rows."""
    del client
    rows = random_rows()
    if request.param == "memory":
        return MemoryReader(rows)
    write(settings, *(online_row(one) for one in rows))
    return FeastReader(settings)


def test_every_value_reads_back_bit_for_bit(reader: FeatureReader) -> None:
    found = reader.read(["GC=F", "^IXIC", "BTC-USD"])
    for expected in random_rows():
        assert same(found[expected.symbol], expected), expected.symbol


def test_a_symbol_that_was_never_written_is_left_out(reader: FeatureReader) -> None:
    assert set(reader.read(["GC=F", "^GSPC"])) == {"GC=F"}


def test_an_older_offset_never_overwrites_a_newer_one(settings: Settings, client: redis.Redis) -> None:
    del client
    old, new = row(values={"price": 1.0}), row(values={"price": 2.0})
    assert write(settings, online_row(new, offset=7)) == 1
    assert write(settings, online_row(old, offset=6), online_row(old, offset=7)) == 0
    assert FeastReader(settings).read(["GC=F"])["GC=F"].values["price"] == 2.0
    assert write(settings, online_row(old, offset=0, log="made anew:0")) == 1
    assert FeastReader(settings).read(["GC=F"])["GC=F"].values["price"] == 1.0


def test_a_store_that_was_started_again_is_told_of_before_anything_is_written(
    settings: Settings, client: redis.Redis
) -> None:
    from feature_repo.online_store import FencedRedisOnlineStore

    store, config = FencedRedisOnlineStore(), load_config(settings)
    assert store.write_rows(config, [online_row(row())]) == 1
    client.flushall()
    client.script_flush()  # what a restart without its last second looks like
    with pytest.raises(redis.ConnectionError, match="started again"):
        store.write_rows(config, [online_row(row(), offset=2)])
    assert store.write_rows(config, [online_row(row(), offset=2)]) == 1


def test_feasts_own_reader_and_types_agree(settings: Settings, client: redis.Redis) -> None:
    del client
    write(settings, online_row(row(values={"price": 3.5})))
    answer = open_store(settings).get_online_features(
        features=["asset_features:price", "asset_features:feed"], entity_rows=[{"symbol": "GC=F"}]
    )
    assert answer.to_dict() == {"symbol": ["GC=F"], "price": [3.5], "feed": ["csv"]}


def test_a_store_that_is_away_says_try_again(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": type(settings.redis_url)("redis://127.0.0.1:1/0")})
    with pytest.raises(TryAgain, match="does not answer"):
        FeastReader(away).read(["GC=F"])


def test_applying_twice_does_nothing(settings: Settings) -> None:
    assert not apply(settings)


def test_without_a_registry_the_reader_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TryAgain, match="allocast up"):
        FeastReader(load_settings(state_dir=tmp_path))


def finals(sessions: range, symbol: str = "GC=F", price: float = 100.0) -> Any:
    n = len(sessions)
    rows = np.full((n, ROW_SIZE), np.nan)
    rows[:, 0] = price + np.arange(n)
    rows[n // 2 :, 1:] = 0.5
    at = np.array([close_ms(index) for index in sessions], dtype=np.int64)
    columns = {
        "event_ms": at.tolist(),
        "seen_ms": (at + 1000).tolist(),
        "session_date": [20170101 + i for i in range(n)],
        "n_sessions": list(range(n)),
        "is_warm": [int(i >= WARM_SESSIONS) for i in range(n)],
        "source_offset": list(range(n)),
        "feed": ["csv"] * n,
        "spec_hash": [spec_hash()] * n,
    }
    return to_table([symbol] * n, at, rows, columns)


@pytest.fixture
def offline(settings: Settings) -> Iterator[Settings]:
    """The offline store with two symbols over a year end."""
    for symbol in ("GC=F", "^IXIC"):
        upsert(settings.offline_dir, 0, finals(range(SESSION, SESSION + 120), symbol))
    yield settings
    shutil.rmtree(settings.offline_dir)


def entities(sessions: list[int], after_s: int = 0) -> pd.DataFrame:
    times = pd.to_datetime([close_ms(index) + 1000 * after_s for index in sessions], unit="ms", utc=True)
    return pd.concat(
        [pd.DataFrame({"symbol": symbol, "event_timestamp": times}) for symbol in ("GC=F", "^IXIC")]
    )


def historical(settings: Settings, entity_df: pd.DataFrame) -> pd.DataFrame:
    store = open_store(settings)
    found = store.get_historical_features(entity_df=entity_df, features=store.get_feature_service("forecast"))
    return found.to_df().sort_values(["symbol", "event_timestamp"]).reset_index(drop=True)


def test_writing_the_same_sessions_again_replaces_them(offline: Settings) -> None:
    upsert(offline.offline_dir, 0, finals(range(SESSION + 110, SESSION + 130), price=900.0))
    frame = historical(offline, entities([SESSION + 109, SESSION + 110, SESSION + 129]))
    gold = frame[frame["symbol"] == "GC=F"]["price"].tolist()
    assert gold == [209.0, 900.0, 919.0]
    assert len(list(offline.offline_dir.glob("*.parquet"))) == 2  # one per year and partition
    assert not list(offline.offline_dir.glob("*.tmp"))


def test_half_a_file_of_a_killed_worker_disturbs_nobody(offline: Settings) -> None:
    left_over = offline.offline_dir / ".2017-p0000.1.tmp"
    left_over.write_bytes(b"PAR1 cut short")
    assert historical(offline, entities([SESSION + 50]))["price"].tolist() == [150.0, 150.0]
    upsert(offline.offline_dir, 0, finals(range(SESSION, SESSION + 5)))
    assert not left_over.exists()


@pytest.mark.parametrize("noticed", ["as another version", "as a scratch file that is gone"])
def test_two_writers_of_one_file_lose_nothing(
    offline: Settings, monkeypatch: pytest.MonkeyPatch, noticed: str
) -> None:
    from feature_repo import offline_sink

    write_table, others = (
        offline_sink.pq.write_table,
        [finals(range(SESSION + 60, SESSION + 61), price=700.0)],
    )

    def overtaken(table: Any, where: Any) -> None:
        write_table(table, where)
        if others:  # the other one comes between our reading and our replacing
            upsert(offline.offline_dir, 0, others.pop())

    monkeypatch.setattr(offline_sink.pq, "write_table", overtaken)
    if noticed != "as another version":
        monkeypatch.setattr(offline_sink, "_version", lambda _: (0, 0))
    upsert(offline.offline_dir, 0, finals(range(SESSION + 50, SESSION + 51), price=900.0))
    gold = historical(offline, entities([SESSION + 50, SESSION + 60])).query("symbol == 'GC=F'")
    assert gold["price"].tolist() == [900.0, 700.0]


@pytest.mark.parametrize("spoil", ["half of it", "nothing", "other bytes", "a page"])
def test_a_file_that_cannot_be_read_is_put_aside_and_the_stream_goes_on(
    offline: Settings, spoil: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = min(offline.offline_dir.glob("*-p0000.parquet"))
    whole = path.read_bytes()
    spoilt = {
        "half of it": whole[: len(whole) // 2],
        "nothing": b"",
        "other bytes": b"x" * 100,
        "a page": whole[:4] + b"\xff" * 200 + whole[204:],
    }
    path.write_bytes(spoilt[spoil])
    upsert(offline.offline_dir, 0, finals(range(SESSION, SESSION + 120), price=7.0))
    assert historical(offline, entities([SESSION + 3]))["price"].tolist()[0] == 10.0
    assert path.with_name(f".{path.name}.broken").read_bytes() == spoilt[spoil]
    assert "publishes the whole past again" in caplog.text


def test_the_as_of_join_equals_feasts_own(offline: Settings) -> None:
    from feast.infra.offline_stores.dask import DaskOfflineStore

    from feature_repo.offline_store import AsofOfflineStore

    store = open_store(offline)
    view = store.get_feature_view("asset_features")
    names = [
        f"asset_features:{name}" for name in ("price", "ewma_volatility", "window", "feed", "n_sessions")
    ]
    asked = entities([SESSION + 3, SESSION + 60, SESSION + 119], after_s=60)
    too_early = asked.assign(event_timestamp=asked["event_timestamp"] - pd.Timedelta(days=4000))
    asked = pd.concat([asked, too_early])
    frames = [
        engine.get_historical_features(store.config, [view], names, asked, store.registry, store.project)
        .to_df()
        .sort_values(["symbol", "event_timestamp"])
        .reset_index(drop=True)
        for engine in (AsofOfflineStore, DaskOfflineStore)
    ]
    ours, theirs = frames
    assert len(ours) == len(asked)  # rows without features stay, as null; Feast's file store drops them
    ours = ours[ours["price"].notna()].reset_index(drop=True)
    assert len(ours) == 6
    for column in ("symbol", "price", "ewma_volatility", "feed", "n_sessions"):
        pd.testing.assert_series_equal(ours[column], theirs[column], check_dtype=False)
    windows = zip(ours["window"], theirs["window"], strict=True)
    assert all(
        (one is None) == (other is None) and (one is None or list(one) == list(other))
        for one, other in windows
    )


def test_a_row_is_not_known_before_its_close(offline: Settings) -> None:
    frame = historical(offline, entities([SESSION + 50], after_s=-1))
    assert frame["price"].tolist() == [149.0, 149.0]


def test_files_from_before_a_feature_was_added_have_it_as_null(offline: Settings) -> None:
    for path in sorted(offline.offline_dir.glob("*.parquet"))[:1]:
        pq.write_table(pq.read_table(path).drop_columns(["ema_1m", "source_offset"]), path)
    frame = historical(offline, entities([SESSION + 3, SESSION + 119]))
    assert frame["price"].tolist() == [103.0, 219.0, 103.0, 219.0]
    assert frame["ema_1m"].isna().tolist() == [True, False, True, False]
    upsert(offline.offline_dir, 0, finals(range(SESSION + 3, SESSION + 4), price=5.0))  # merged with the old
    assert historical(offline, entities([SESSION + 3]))["price"].tolist() == [5.0, 103.0]
