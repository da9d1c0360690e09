"""The documents of the topics are what the types say, and no change breaks those who read version 1."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import msgspec
import pytest

from launcher.topic_contract import FOLDER, MESSAGES, RELEASED, breaks, files, json_schema
from producers import tick, topics
from stream_processors.messages import Bar


def test_the_documents_are_generated_from_the_types() -> None:
    for name, text in files(version("allocast")).items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, "run `python -m launcher.topic_contract`"


def test_every_topic_is_described() -> None:
    assert {one.topic for one in MESSAGES} == {topic.name for topic in topics.ALL}
    document = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
    assert document["channels"].keys() == {topic.name for topic in topics.ALL}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: one.schema)
def test_no_change_breaks_what_was_released(message: Any) -> None:
    released = json.loads((RELEASED / message.file).read_text(encoding="utf-8"))
    assert breaks(released, json_schema(message)) == [], (
        f"this breaks readers of {message.schema}: make it an optional field, or a new version"
    )


@pytest.mark.parametrize(
    ("field", "kind", "default", "what"),
    [
        ("close", float, None, []),
        ("close", "gone", None, ["/close: is gone"]),
        ("close", str, None, ["/close: type was number, is string"]),
        ("close", float, 0.0, ["/close: may be missing now"]),
        ("vwap", float | None, None, ["/vwap: is required now, older values lack it"]),
        ("vwap", float, 0.0, []),
    ],
)
def test_each_kind_of_break_is_named(field: str, kind: Any, default: Any, what: list[str]) -> None:
    fields: list[Any] = []
    for info in msgspec.structs.fields(Bar):
        if info.name == field and kind == "gone":
            continue
        chosen = kind if info.name == field else info.type
        optional = default if info.name == field and default is not None else info.default
        fields.append((info.name, chosen) if optional is msgspec.NODEFAULT else (info.name, chosen, optional))
    if field == "vwap":
        fields.append((field, kind) if default is None else (field, kind, default))
    changed = msgspec.defstruct("Bar", fields, kw_only=True)
    assert breaks(msgspec.json.schema(Bar), msgspec.json.schema(changed)) == what


def test_what_is_published_fits_the_schema() -> None:
    import jsonschema

    frame = tick.TickFrame("csv", "01J", 0, 5, ["GC=F"], [0], [4], [1500.5])
    value = json.loads(tick.encode(frame))
    jsonschema.validate(value, json_schema(MESSAGES[0]))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value | {"symbol": ["GC=F"]}, json_schema(MESSAGES[0]))
