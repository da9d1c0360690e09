"""Where a worker writes and what it holds on to: the seam between the worker and Kafka, Redis and the disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from feature_repo.online_rows import OnlineRows
from stream_processors.dead_letters import Record
from stream_processors.partition import Final


class Outputs(Protocol):
    """Where a worker writes. The real ones are in `sinks.py`; tests may give their own."""

    async def send(self, records: Iterable[Record]) -> None:
        """Send to Kafka and wait until every record is acknowledged."""

    async def write_online(self, batches: Sequence[OnlineRows]) -> int:
        """Write rows to the online store; returns how many were newer."""

    async def write_offline(self, partition: int, finals: list[Final]) -> None:
        """Upsert final rows into the offline store."""


class Held(Protocol):
    """A source record that has not been acknowledged yet."""

    def ack(self) -> Any: ...
