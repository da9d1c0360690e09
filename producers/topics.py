"""Names and settings of every Kafka topic. A schema only gains optional fields within a version."""

from __future__ import annotations

from dataclasses import dataclass

TICKS = "market.ticks"
BARS = "market.bars"
FEATURES = "features.rolling"
DEAD = "market.dead"
DRIFT = "drift.reports"
REQUESTS = "training.requests"
MODEL_EVENTS = "models.events"
FORECASTS = "forecasts.log"
FEEDS = "feeds.status"

DAY_MS = 86_400_000
FOREVER = -1
RETENTION_TICKS_MS = 7 * DAY_MS


@dataclass(frozen=True)
class Topic:
    """A topic as it is created. `retention_ms` -1 keeps for ever; None means compacted."""

    name: str
    retention_ms: int | None
    per_symbol: bool = False  # spread over `partitions`; otherwise one partition keeps a total order
    segment_bytes: int | None = None  # Kafka compacts what is older than its newest segment, by default 1 GB

    def config(self) -> dict[str, str]:
        """Broker settings of the topic."""
        # A record's own time is when the broker got it: no producer's clock can age or rejuvenate the log.
        time = {"message.timestamp.type": "LogAppendTime"}
        if self.segment_bytes is not None:
            time["segment.bytes"] = str(self.segment_bytes)
        if self.retention_ms is None:
            return {"cleanup.policy": "compact", **time}
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms), **time}


ALL = (
    Topic(TICKS, RETENTION_TICKS_MS, per_symbol=True),
    Topic(BARS, None, per_symbol=True),
    Topic(FEATURES, DAY_MS, per_symbol=True),
    Topic(DEAD, 30 * DAY_MS),
    Topic(DRIFT, FOREVER),  # a monitor that starts again needs every reset that it once made
    Topic(REQUESTS, 90 * DAY_MS),
    Topic(MODEL_EVENTS, FOREVER),
    Topic(FORECASTS, FOREVER),
    Topic(FEEDS, None),
)


def partitions_of(topic: str, partitions: int) -> int | None:
    """How many partitions a topic must have; None where any number will do.

    A symbol's partition follows from their number: two services that differ would spread its ticks over two.

    >>> partitions_of(TICKS, 12), partitions_of(DRIFT, 12)
    (12, None)
    """
    return partitions if any(one.per_symbol and one.name == topic for one in ALL) else None


def repair_partitions(found: int) -> str:
    """What to do about a topic that has another number of them than the setting."""
    return f"set ALLOCAST_PARTITIONS={found} for every service, or migrate: docs/operators.md#partitions"


def schema_header(schema: str) -> list[tuple[str, bytes]]:
    """The Kafka header that names the schema of a value."""
    return [("schema", schema.encode())]
