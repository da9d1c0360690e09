"""The documents of the topics are what the types say, and no change breaks those who read version 1."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Annotated, Any, Literal

import msgspec
import pytest

from launcher.schema_changes import breaks, with_additions
from launcher.topic_contract import FOLDER, MESSAGES, RELEASED, files, json_schema, released
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
    kept = json.loads((RELEASED / message.file).read_text(encoding="utf-8"))
    assert breaks(kept, json_schema(message)) == [], (
        f"this breaks readers of {message.schema}: make it an optional field, or a new version"
    )


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: one.schema)
def test_every_field_is_released(message: Any) -> None:
    kept = json.loads((RELEASED / message.file).read_text(encoding="utf-8"))
    assert released(message) == kept, (
        f"a field of {message.schema} could be lost unnoticed: run `python -m launcher.topic_contract`"
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


class Inner(msgspec.Struct):
    a: int
    b: int = 0


class Grown(msgspec.Struct):
    a: int
    b: int = 0
    c: list[Inner] = []


class Shrunk(msgspec.Struct):
    a: int


class Turned(msgspec.Struct):
    a: str
    b: int


class Closed(msgspec.Struct, forbid_unknown_fields=True):
    a: int
    b: int = 0


def of(kind: Any) -> dict[str, Any]:
    """Schema of a message with one field of this type."""
    return msgspec.json.schema(msgspec.defstruct("Message", [("it", kind)]))


TURNED = ["b: is required now, older values lack it", "a: type was integer, is string"]


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        (Inner, Grown, []),
        (Inner, Shrunk, ["/it/b: is gone"]),
        (Inner, Turned, [f"/it/{one}" for one in TURNED]),
        (Inner, Closed, ["/it: additionalProperties was None, is False"]),
        (list[Inner], list[Turned], [f"/it[]/{one}" for one in TURNED]),
        (list[Inner], list[Grown], []),
        (dict[str, Inner], dict[str, Shrunk], ["/it[]/b: is gone"]),
        (Inner | None, Turned | None, [f"/it/{one}" for one in TURNED]),
        (list[list[Inner] | None], list[list[Shrunk] | None], ["/it[][]/b: is gone"]),
        (list[float], list[str], ["/it[]: type was number, is string"]),
        (list[float], list[Any], ["/it[]: type was number, is None"]),
        (list[Any], list[float], ["/it[]: type was None, is number"]),
        (dict[str, float], dict[str, Any], ["/it[]: type was number, is None"]),
        (tuple[int, str], tuple[int, int], ["/it[]: type was string, is integer"]),
        (tuple[int, str], tuple[int], ["/it: number of items was 2, is 1"]),
        (Literal["x", "y"], Literal["x"], ["/it: enum was ['x', 'y'], is ['x']"]),
        (Literal["x"], Literal["x", "y"], ["/it: enum was ['x'], is ['x', 'y']"]),
        (list[Literal["x"]], list[Literal["y"]], ["/it[]: enum was ['x'], is ['y']"]),
        (float, float | None, ["/it: number of forms was 1, is 2"]),
        (float | None, float, ["/it: number of forms was 2, is 1"]),
        (float | None, str | None, ["/it: type was number, is string"]),
        (Literal["x"] | None, Literal["y"] | None, ["/it: enum was ['x'], is ['y']"]),
        (
            Annotated[int, msgspec.Meta(ge=0, le=2)],
            Annotated[int, msgspec.Meta(ge=1, le=1)],
            [
                "/it: minimum was 0, is 1, older values may be beyond it",
                "/it: maximum was 2, is 1, older values may be beyond it",
            ],
        ),
        (int, Annotated[int, msgspec.Meta(le=1)], ["/it: maximum was None, is 1, older values may be beyond it"]),
        (Annotated[int, msgspec.Meta(le=1)], Annotated[int, msgspec.Meta(le=2)], []),
    ],
)  # fmt: skip
def test_a_break_inside_a_field_is_named(before: Any, now: Any, what: list[str]) -> None:
    assert breaks(of(before), of(now)) == what


def test_releasing_adds_optional_fields_and_changes_nothing() -> None:
    kept = of(list[Inner | None])
    both = with_additions(kept, of(list[Grown | None]))
    assert both["$defs"]["Inner"]["properties"].keys() == {"a", "b", "c"}
    assert breaks(both, of(list[Inner | None])) == ["/it[]/c: is gone"]
    del both["$defs"]["Inner"]["properties"]["c"]
    assert both == kept
    for other in (Turned, Shrunk, Closed):  # what breaks is not released
        assert with_additions(kept, of(list[other | None])) == kept


def test_a_released_field_brings_its_definition() -> None:
    now = msgspec.json.schema(msgspec.defstruct("Message", [("a", int), ("more", list[Grown] | None, None)]))
    kept = msgspec.json.schema(msgspec.defstruct("Message", [("a", int)]))
    both = with_additions(kept, now)
    assert both["$defs"].keys() == {"Message", "Grown", "Inner"}
    assert breaks(both, now) == []


def test_what_is_published_fits_the_schema() -> None:
    import jsonschema

    frame = tick.TickFrame("csv", "01J", 0, 5, ["GC=F"], [0], [4], [1500.5])
    value = json.loads(tick.encode(frame))
    jsonschema.validate(value, json_schema(MESSAGES[0]))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value | {"symbol": ["GC=F"]}, json_schema(MESSAGES[0]))
