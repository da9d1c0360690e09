"""What earlier releases left on disk, in Redis and in the topics is read, made anew, or refused with what to do."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redis
from feast.infra.online_stores.helpers import _mmh3
from feast.protos.feast.types.Value_pb2 import Value

from feature_repo.apply import apply, fingerprint
from feature_repo.features import spec_hash
from feature_repo.online import FeastReader
from feature_repo.online_script import FENCE_FIELD, VIEW
from feature_repo.online_store import FencedRedisOnlineStore
from feature_repo.store import load_config
from launcher import run_file
from launcher.examine_state import model, registry
from launcher.topic_contract import MESSAGES, RELEASED
from producers import tick
from producers.errors import FixAndRestart, TryAgain
from producers.sessions import nyse, session_number
from producers.settings import Settings, load_settings
from producers.universe import load_universe
from stream_processors import policy, snapshots
from stream_processors.drift import DriftReport
from stream_processors.matching import LoggedForecast
from stream_processors.partition import Partition
from stream_processors.sinks import offline_writer
from stream_processors.state_version import source_log
from tests.stubs import closes, random_walk
from tests.upgrades.release import (
    SYMBOL,
    OnlineHash,
    Release,
    TopicValue,
    changelog,
    folders,
    online_hash,
    release,
    topic_values,
)
from tests.upgrades.write_release import small_model
from training import artefact
from training.answer import ask
from training.answering import answer
from training.champion import Champion, ChampionWatcher
from training.dataset import final_rows

OTHER = "0123456789abcdef"  # a feature spec that is none of ours
WAIT_FOR_THE_WORKER = "the stream worker"


@dataclass(frozen=True)
class Left:
    """What a release left, with the feature spec that it says."""

    folder: Path
    was: Release
    spec_hash: str
    changelog: list[tuple[bytes, bytes | None]]
    online: OnlineHash

    @property
    def is_ours(self) -> bool:
        return self.spec_hash == spec_hash()

    @property
    def has_our_model(self) -> bool:
        return self.is_ours and self.was.artefact == artefact.SCHEMA


def as_it_is(folder: Path) -> Left:
    was = release(folder)
    return Left(folder, was, was.spec_hash, changelog(folder), online_hash(folder))


def of_other_features(folder: Path, scratch: Path) -> Left:
    """The same data as a release with another feature spec leaves it."""
    left = as_it_is(folder)
    shutil.copytree(folder, scratch, dirs_exist_ok=True)
    for path in (scratch / "offline").glob("*.parquet"):
        table = pq.read_table(path)
        at = table.schema.get_field_index("spec_hash")
        pq.write_table(table.set_column(at, "spec_hash", pa.array([OTHER] * len(table))), path)
    manifest = scratch / "models" / left.was.version / artefact.MANIFEST
    manifest.write_text(manifest.read_text().replace(left.spec_hash, OTHER))
    fields = dict(left.online.fields)
    fields[_mmh3(f"{VIEW}:spec_hash")] = Value(string_val=OTHER).SerializeToString()
    fields[FENCE_FIELD.encode()] = fields[FENCE_FIELD.encode()].replace(
        left.spec_hash[:8].encode(), OTHER[:8].encode()
    )
    return Left(
        folder=scratch,
        was=left.was,
        spec_hash=OTHER,
        changelog=[(key, b"\0" * 8 + value[8:]) for key, value in left.changelog if value is not None],
        online=OnlineHash(left.online.key, list(fields.items())),
    )


@pytest.fixture(
    scope="module",
    params=[(folder, ours) for folder in folders() for ours in (True, False)],
    ids=lambda given: f"{given[0].name}-{'as-it-is' if given[1] else 'of-other-features'}",
)
def left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Left:
    folder, as_is = request.param
    return as_it_is(folder) if as_is else of_other_features(folder, tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="module")
def settings(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A state folder whose feature registry is that of this release."""
    given = load_settings(redis_url=redis_server, state_dir=tmp_path_factory.mktemp("state"))
    assert apply(given)
    return given


@pytest.fixture
def champion(left: Left, tmp_path: Path) -> Champion:
    """The model of the release where it can be served; else one of now."""
    if left.has_our_model:
        return Champion(left.folder / "models" / left.was.version)
    return small_model(tmp_path / "models", random_walk(700))


def test_the_first_release_is_there() -> None:
    assert folders()[0].name == "released-1"
    assert release(folders()[0]).spec_hash


def test_training_reads_the_sessions_of_its_own_features(left: Left, settings: Settings) -> None:
    shutil.rmtree(settings.offline_dir)
    shutil.copytree(left.folder / "offline", settings.offline_dir)
    if left.is_ours:
        rows = final_rows(settings, [SYMBOL]).sort_values("event_timestamp")
        assert dict(zip(rows["session_date"], rows["price"], strict=True)) == left.was.closes
        assert list(rows["window"].iloc[-1][-len(left.was.window) :]) == left.was.window
    else:
        with pytest.raises(TryAgain, match=WAIT_FOR_THE_WORKER):
            final_rows(settings, [SYMBOL])
    newest = max(left.was.closes)
    again = Partition(0, "log:0", load_universe(), nyse()).apply(
        closes([5.0, 6.0], SYMBOL, session_number(newest)), 0
    )
    offline_writer(settings.offline_dir)(0, again.finals)
    rows = final_rows(settings, [SYMBOL])
    kept = left.was.closes if left.is_ours else {}
    assert dict(zip(rows["session_date"], rows["price"], strict=True)) == {**kept, newest: 5.0}


@pytest.fixture
def restored(left: Left, settings: Settings, redis_server: str) -> FeastReader:
    """The online store with the row of the release."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushdb()
        client.hset(left.online.key, mapping=dict(left.online.fields))
    return FeastReader(settings)


def test_a_forecast_is_made_from_online_rows_of_its_own_features(
    left: Left, restored: FeastReader, champion: Champion, settings: Settings
) -> None:
    was = left.was
    row = restored.read([SYMBOL])[SYMBOL]
    assert (row.spec_hash, row.source_offset) == (left.spec_hash, was.next_offset - 1)
    request = ask(100.0, {"gold": 100.0}, "3m", load_universe())
    if left.is_ours:
        assert (row.values["price"], row.values["momentum_252"]) == (was.price, was.momentum)
        if left.has_our_model:
            assert champion.quantiles([row])[0] == pytest.approx(np.array(was.quantiles), rel=1e-9)
        assert answer(request, champion, {SYMBOL: row}, 0).inputs["gold"].feed == row.feed
    else:
        assert champion.scenarios({SYMBOL: row}).symbols == []
        with pytest.raises(TryAgain, match=f"Gold: .*{WAIT_FOR_THE_WORKER}"):
            answer(request, champion, {SYMBOL: row}, 0)
    # What the worker writes takes its place: of the same log from a later record on, of other features at once.
    log = was.log.replace(was.spec_hash[:8], spec_hash()[:8])
    partition = Partition(0, log, load_universe(), nyse())
    for offset in (0, was.next_offset):
        partition.apply(closes([7.0 + offset], SYMBOL, seq=offset), offset)
        FencedRedisOnlineStore().write_rows(load_config(settings), [partition.online_rows({0})])
        taken = restored.read([SYMBOL])[SYMBOL]
        assert taken.spec_hash == spec_hash()
        expected = was.price if left.is_ours and offset == 0 else 7.0 + offset
        assert taken.values["price"] == expected


def test_the_rolling_state_goes_on_or_starts_over(left: Left) -> None:
    was, prices = left.was, []
    log = source_log(was.log.partition(":")[0], 0)
    partition = Partition(0, log, load_universe(), nyse())
    found = partition.restore(left.changelog)
    readable = left.is_ours and was.layout == snapshots.LAYOUT.hex()
    assert (found, partition.next_offset) == ((1, was.next_offset) if readable else (0, 0))
    if readable:
        row = partition.online_row(SYMBOL)
        assert row is not None
        assert row.values[0] == was.price
        session = session_number(max(was.closes)) + 2
        after = partition.apply(
            closes([was.next_price], SYMBOL, session, epoch="later"), partition.next_offset
        )
        prices = [final.bar.close for final in after.finals]
    assert prices == ([was.price] if readable else [])


def test_a_model_forecasts_or_is_refused_with_what_to_do(left: Left, tmp_path: Path) -> None:
    shutil.copytree(left.folder / "models", tmp_path / "models")
    artefact.promote(tmp_path / "models", left.was.version)
    (found,) = model(load_settings(state_dir=tmp_path))
    watcher = ChampionWatcher(tmp_path / "models", load_universe())
    if left.has_our_model:
        assert found.verdict == "ok"
        serving = watcher.current()
        assert serving is not None
        assert (serving.version, serving.has_lstm) == (left.was.version, False)
    else:
        assert (found.verdict, found.repair.partition(",")[0]) == ("fail", "allocast train")
        assert watcher.current() is None
        assert "train again with `allocast train`" in (watcher.problem or "")


def test_a_model_of_an_earlier_format_is_refused_with_what_to_do(left: Left, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    shutil.copytree(left.folder / "models" / left.was.version, folder)
    manifest = folder / artefact.MANIFEST
    manifest.write_text(manifest.read_text().replace(left.was.artefact, "artefact/1"))
    with pytest.raises(FixAndRestart, match="got artefact/1: train again with `allocast train`"):
        artefact.load(folder)


@pytest.mark.parametrize("folder", folders(), ids=lambda one: one.name)
def test_the_values_of_every_topic_are_read(folder: Path) -> None:
    kinds = {(one.topic, one.schema): one.type for one in MESSAGES}
    values = topic_values(folder)
    for one in values:
        given = json.loads(one.value)
        read = msgspec.json.decode(one.value, type=kinds[one.topic, one.schema])
        assert {name: msgspec.to_builtins(getattr(read, name)) for name in given} == given, one.topic
    by_topic: dict[str, TopicValue] = {one.topic: one for one in values}
    frame = tick.decode(by_topic["market.ticks"].value.encode())
    assert frame.marks == [tick.Mark.PRE_MARKET, 0, 0]
    forecast = msgspec.json.decode(by_topic["forecasts.log"].value, type=LoggedForecast)
    assert forecast.without_lstm == forecast.quantiles[0]
    report = msgspec.json.decode(by_topic["drift.reports"].value, type=DriftReport)
    assert report.policy is not None
    state = msgspec.convert(report.policy["state"], policy.State)
    assert (state.name, state.model, state.model_spec) == (
        report.policy["name"],
        report.model,
        release(folder).spec_hash,
    )


def smallest(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """A value with nothing but what the schema requires."""
    if "$ref" in schema:
        return smallest(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return smallest(schema["anyOf"][0], root)
    if schema.get("type") == "object":
        return {name: smallest(schema["properties"][name], root) for name in schema.get("required", [])}
    if "enum" in schema:
        return schema["enum"][0]
    if "pattern" in schema:
        return schema["pattern"].strip("^$()").split("|")[0]
    values = {"string": "x", "integer": 1, "number": 1.5, "boolean": True, "array": [], "null": None}
    return values[schema["type"]]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: one.schema)
def test_the_smallest_values_of_a_topic_are_still_read(message: Any) -> None:
    released = json.loads((RELEASED / message.file).read_text(encoding="utf-8"))
    value = smallest(released, released)
    read = msgspec.json.decode(json.dumps(value).encode(), type=message.type)
    assert all(getattr(read, name) == given for name, given in value.items())


def test_a_registry_of_other_features_is_named_and_made_anew(settings: Settings) -> None:
    stamp = settings.registry_file.with_suffix(".applied")
    stamp.write_text("of an earlier release")
    (found,) = registry(settings)
    assert (found.verdict, found.repair) == ("fail", "run `python -O -m feature_repo.apply`")
    assert apply(settings)
    assert stamp.read_text() == fingerprint(settings)
    (found,) = registry(settings)
    assert found.verdict == "ok"


def test_a_run_file_of_an_earlier_release_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / run_file.RUN_FILE).write_text(
        json.dumps({"kafka_bootstrap_servers": "127.0.0.1:1", "pid": 1})
    )
    assert run_file.read(tmp_path) is None
