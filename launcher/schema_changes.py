"""What changed between two JSON Schemas of one message: what breaks readers, and what was only added."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

# What a reader or a writer depends on; titles, descriptions, defaults and wider bounds may change.
BINDING = ("type", "enum", "const", "pattern", "format", "contentEncoding", "uniqueItems", "multipleOf")
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
INSIDE = ("items", "additionalProperties")


def breaks(old: Schema, new: Schema) -> list[str]:
    """What a change of a schema would break, for who reads new values by the old one, or old values by the new.

    >>> bar = {"type": "object", "properties": {"open": {"type": "number"}}, "required": ["open"]}
    >>> breaks(bar, bar | {"properties": {"open": {"type": "number"}, "vwap": {"type": "number"}}})
    []
    >>> breaks(bar, bar | {"properties": {"open": {"type": "string"}}})
    ['/open: type was number, is string']
    """
    return [
        what for at, before, after in _pairs(old, new, old, new, "") for what in _broken(at, before, after)
    ]


def with_additions(old: Schema, new: Schema) -> Schema:
    """The old schema with the optional fields that only the new one has, at any depth; all else as it was.

    >>> bar = {"type": "object", "properties": {"open": {"type": "number"}}, "required": ["open"]}
    >>> now = bar | {"title": "B", "properties": {"open": {"type": "string"}, "vwap": {"type": "number"}}}
    >>> with_additions(bar, now)["properties"]
    {'open': {'type': 'number'}, 'vwap': {'type': 'number'}}
    """
    both = copy.deepcopy(old)
    # What is added to a pair is seen before the walk goes on into its fields.
    for _, before, after in _pairs(both, new, both, new, ""):
        held = before.get("properties", {})
        for name, added in after.get("properties", {}).items():
            if name not in held and name not in after.get("required", ()):
                before.setdefault("properties", {})[name] = copy.deepcopy(added)
                _define(added, both, new)
    return both


def _define(schema: Any, held: Schema, source: Schema) -> None:
    """Copy the definitions that a schema refers to, and those that these refer to."""
    if isinstance(schema, list):
        for one in schema:
            _define(one, held, source)
    elif isinstance(schema, dict):
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name not in held.setdefault("$defs", {}):
                held["$defs"][name] = copy.deepcopy(source["$defs"][name])
                _define(source["$defs"][name], held, source)
        for value in schema.values():
            _define(value, held, source)


def _pairs(
    old: Schema, new: Schema, old_root: Schema, new_root: Schema, at: str
) -> Iterator[tuple[str, Schema, Schema]]:
    """The same place in both, with its path, and then the places inside it."""
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    yield at, old, new
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in sorted(before.keys() & after.keys()):
        yield from _pairs(before[name], after[name], old_root, new_root, f"{at}/{name}")
    for word, mark in (("anyOf", ""), ("prefixItems", "[]")):
        if len(old.get(word, ())) == len(new.get(word, ())):
            for one, other in zip(old.get(word, ()), new.get(word, ()), strict=True):
                yield from _pairs(one, other, old_root, new_root, at + mark)
    for word in INSIDE:
        one, other = old.get(word, {}), new.get(word, {})
        if isinstance(one, dict) and isinstance(other, dict) and (one or other):
            yield from _pairs(one, other, old_root, new_root, f"{at}[]")


def _broken(at: str, old: Schema, new: Schema) -> Iterator[str]:
    """What breaks at one place, without the places inside it."""
    here = at or "/"
    for word, kind in (("anyOf", "forms"), ("prefixItems", "items")):
        before, after = len(old.get(word, ())), len(new.get(word, ()))
        if before != after:
            yield f"{here}: number of {kind} was {before or 1}, is {after or 1}"
            return  # what else differs follows from it
    for word in BINDING:
        if old.get(word) != new.get(word):
            yield f"{here}: {word} was {old.get(word)}, is {new.get(word)}"
    for words, widens in ((LOWER, -1), (UPPER, 1)):
        for word in words:
            limit = new.get(word)
            if limit is not None and (old.get(word) is None or (limit - old[word]) * widens < 0):
                yield f"{here}: {word} was {old.get(word)}, is {limit}, older values may be beyond it"
    for word in INSIDE:
        if False in (old.get(word), new.get(word)) and old.get(word) != new.get(word):
            yield f"{here}: {word} was {old.get(word)}, is {new.get(word)}"
    held, given = old.get("properties", {}), new.get("properties", {})
    for name in sorted(held.keys() - given.keys()):
        yield f"{at}/{name}: is gone"
    required, asked = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted((required - asked) & given.keys()):
        yield f"{at}/{name}: may be missing now"
    for name in sorted(asked - required):
        yield f"{at}/{name}: is required now, older values lack it"


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema
