"""What an earlier release left on disk and in the topics is read, made anew, or refused with what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from feature_repo.apply import apply, fingerprint
from launcher import run_file
from launcher.examine_state import model, registry
from launcher.topic_contract import MESSAGES, RELEASED
from producers.errors import FixAndRestart
from producers.sessions import nyse
from producers.settings import load_settings
from producers.universe import load_universe
from stream_processors import snapshots
from stream_processors.partition import Partition
from tests.stubs import closes
from training import artefact
from training.champion import ChampionWatcher


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
def test_the_oldest_values_of_a_topic_are_still_read(message: Any) -> None:
    released = json.loads((RELEASED / message.file).read_text(encoding="utf-8"))
    value = smallest(released, released)
    read = msgspec.json.decode(json.dumps(value).encode(), type=message.type)
    assert all(getattr(read, name) == given for name, given in value.items())


def test_state_of_another_layout_is_not_read_and_the_partition_starts_over() -> None:
    partition = Partition(0, "log:0", load_universe(), nyse())
    partition.apply(closes([100.0, 101.0]), 5)
    entries = partition.snapshot(partition.changed)
    same, other = (Partition(0, "log:0", load_universe(), nyse()) for _ in range(2))
    assert same.restore([(key, value) for key, value in entries.items() if value is not None]) == 1
    assert same.next_offset == 6
    earlier = [(key, b"\0" * 8 + value[8:]) for key, value in entries.items() if value is not None]
    assert all(not value.startswith(snapshots.LAYOUT) for _, value in earlier)
    assert other.restore(earlier) == 0
    assert other.next_offset == 0


def test_a_registry_of_other_features_is_named_and_made_anew(tmp_path: Path) -> None:
    settings = load_settings(state_dir=tmp_path)
    assert apply(settings)
    stamp = settings.registry_file.with_suffix(".applied")
    stamp.write_text("of an earlier release")
    (found,) = registry(settings)
    assert (found.verdict, found.repair) == ("fail", "run `python -O -m feature_repo.apply`")
    assert apply(settings)
    assert stamp.read_text() == fingerprint(settings)
    (found,) = registry(settings)
    assert found.verdict == "ok"


def test_a_model_of_an_earlier_format_is_refused_with_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "old"
    folder.mkdir(parents=True)
    schema = msgspec.json.schema(artefact.Manifest)
    manifest = smallest(schema, schema) | {"schema": "artefact/1"}
    (folder / artefact.MANIFEST).write_bytes(msgspec.json.encode(manifest))
    np.savez(folder / artefact.ARRAYS)
    with pytest.raises(FixAndRestart, match="got artefact/1: train again with `allocast train`"):
        artefact.load(folder)
    artefact.promote(tmp_path / "models", "old")
    (found,) = model(load_settings(state_dir=tmp_path))
    assert found.verdict == "fail"
    watcher = ChampionWatcher(tmp_path / "models", load_universe())
    assert watcher.current() is None
    assert watcher.problem is not None
    assert "allocast train" in watcher.problem


def test_a_run_file_of_an_earlier_release_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / run_file.RUN_FILE).write_text(
        json.dumps({"kafka_bootstrap_servers": "127.0.0.1:1", "pid": 1})
    )
    assert run_file.read(tmp_path) is None
