"""The contract of the topics, generated from the types: JSON Schemas, an AsyncAPI document and a table.

`python -m launcher.topic_contract` writes docs/topics; a test fails while they differ from the types. What was
released is kept in docs/topics/released, and `breaks` says what a change would break for those who read it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from launcher.schema_changes import Schema, with_additions
from producers import feed_report, request, tick, topics
from stream_processors import drift, messages
from training import events, forecast_log

FOLDER = Path(__file__).parents[1] / "docs" / "topics"
RELEASED = FOLDER / "released"


@dataclass(frozen=True)
class Message:
    """What a topic carries. `key` says what the Kafka key is."""

    schema: str
    topic: str
    type: type[msgspec.Struct]
    key: str

    @property
    def file(self) -> str:
        """Name of its JSON Schema.

        >>> MESSAGES[0].file
        'ticks-1.schema.json'
        """
        return f"{self.schema.replace('/', '-')}.schema.json"


MESSAGES = (
    Message(
        tick.SCHEMA, topics.TICKS, tick.TickFrame, "none; crc32(symbol) modulo partitions is the partition"
    ),
    Message(messages.BAR_SCHEMA, topics.BARS, messages.Bar, "symbol|session_date"),
    Message(messages.FEATURES_SCHEMA, topics.FEATURES, messages.Features, "symbol"),
    Message(messages.DEAD_SCHEMA, topics.DEAD, messages.DeadTick, "symbol of a tick; none for a record"),
    Message(drift.SCHEMA, topics.DRIFT, drift.DriftReport, "asset"),
    Message(feed_report.SCHEMA, topics.FEEDS, feed_report.FeedReport, "feed"),
    Message(request.SCHEMA, topics.REQUESTS, request.TrainingRequest, "model name"),
    Message(events.SCHEMA, topics.MODEL_EVENTS, events.ModelEvent, "model name"),
    Message(forecast_log.SCHEMA, topics.FORECASTS, forecast_log.Forecast, "symbol"),
)


def json_schema(message: Message) -> Schema:
    """JSON Schema (2020-12) of a message's value."""
    schema: Schema = msgspec.json.schema(message.type)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"allocast:{message.schema}",
        **schema,
    }


def asyncapi(version: str) -> Schema:
    """The AsyncAPI 3.0 document: every channel with its Kafka settings and the schema of its messages."""
    declared = {topic.name: topic for topic in topics.ALL}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Allocast topics", "version": version, "license": {"name": "MIT"}},
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": "127.0.0.1:9092", "protocol": "kafka"}},
        "channels": {
            one.topic: {
                "address": one.topic,
                "messages": {
                    one.schema.replace("/", "-"): {
                        "$ref": f"#/components/messages/{one.schema.replace('/', '-')}"
                    }
                },
                "bindings": {
                    "kafka": {"topic": one.topic, "topicConfiguration": _binding(declared[one.topic])}
                },
            }
            for one in MESSAGES
        },
        "operations": {
            f"read-{one.topic}": {"action": "receive", "channel": {"$ref": f"#/channels/{one.topic}"}}
            for one in MESSAGES
        },
        "components": {
            "messages": {
                one.schema.replace("/", "-"): {
                    "name": one.schema,
                    "contentType": "application/json",
                    "headers": {
                        "type": "object",
                        "required": ["schema"],
                        "properties": {"schema": {"const": one.schema}},
                    },
                    "payload": {"$ref": f"./{one.file}"},
                    "bindings": {"kafka": {"key": {"type": "string", "description": one.key}}},
                }
                for one in MESSAGES
            }
        },
    }


def _binding(topic: topics.Topic) -> Schema:
    config = topic.config()
    wanted = {"cleanup.policy": [config["cleanup.policy"]]}
    return wanted | ({"retention.ms": int(config["retention.ms"])} if "retention.ms" in config else {})


def table() -> str:
    """The page docs/topics/README.md."""
    rows = [
        f"| `{one.topic}` | [`{one.schema}`]({one.file}) | {one.key} | {' '.join((one.type.__doc__ or '').split())} |"
        for one in MESSAGES
    ]
    return (
        "# Topics\n\nGenerated from the types by `python -m launcher.topic_contract`; how to read them is in "
        "[consumers.md](../consumers.md). The whole as AsyncAPI 3.0: [asyncapi.json](asyncapi.json). Within a version a "
        "schema only gains optional fields; what was released is in [released](released), and the tests compare.\n\n"
        "| topic | value | key | what |\n|---|---|---|---|\n" + "\n".join(rows) + "\n\n"
        "A record's header `schema` names its value. A whole record that could not be read is in `market.dead` as the "
        "bytes it was, with `kind=frame` in its headers; `reason`, `source_topic`, `source_partition` and "
        "`source_offset` say why and where.\n"
    )


def files(version: str) -> dict[str, str]:
    """Every generated file by name."""
    schemas = {one.file: _text(json_schema(one)) for one in MESSAGES}
    return {**schemas, "asyncapi.json": _text(asyncapi(version)), "README.md": table()}


def _text(value: Schema) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def released(message: Message) -> Schema:
    """What was ever released of a message, and the optional fields that it has gained since."""
    now, kept = json_schema(message), RELEASED / message.file
    return with_additions(json.loads(kept.read_text(encoding="utf-8")), now) if kept.exists() else now


def main() -> int:
    """Write docs/topics; what is new and breaks nothing is released by it."""
    from importlib.metadata import version

    RELEASED.mkdir(parents=True, exist_ok=True)
    for name, text in files(version("allocast")).items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    for one in MESSAGES:
        (RELEASED / one.file).write_text(_text(released(one)), encoding="utf-8")
    sys.stdout.write(f"wrote {FOLDER}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
