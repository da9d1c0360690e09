"""A worker whose outputs are kept in memory, and refuse when a test says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from feature_repo.online_rows import OnlineRow, OnlineRows
from producers.sessions import nyse
from producers.universe import load_universe
from stream_processors.dead_letters import Record
from stream_processors.partition import Final
from stream_processors.snapshots import Entries
from stream_processors.worker import Worker


@dataclass
class Memory:
    """Outputs that remember, and refuse while `broken` names them."""

    broken: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    online: dict[str, OnlineRow] = field(default_factory=dict)
    finals: list[Final] = field(default_factory=list)
    changelog: dict[bytes, bytes] = field(default_factory=dict)

    def _do(self, what: str) -> None:
        if what in self.broken:
            raise ConnectionError(what)
        self.log.append(what)

    async def send(self, records: Iterable[Record]) -> None:
        self._do("send")
        self.records += records

    async def write_online(self, batches: Sequence[OnlineRows]) -> int:
        self._do("online")
        self.online |= {row.symbol: row for rows in batches for row in rows}
        return sum(map(len, batches))

    async def write_offline(self, partition: int, finals: list[Final]) -> None:
        del partition
        self._do("offline")
        self.finals += finals

    async def save(self, partition: int, entries: Entries) -> None:
        del partition
        self._do("changelog")
        for key, value in entries.items():
            self.changelog.pop(key, None)
            if value is not None:
                self.changelog[key] = value


@dataclass
class Held:
    memory: Memory

    def ack(self) -> None:
        self.memory.log.append("ack")


def worker(memory: Memory) -> Worker:
    return Worker(load_universe(), nyse(), memory, "log", lambda: list(memory.changelog.items()), memory.save)


def of_topic(memory: Memory, topic: str) -> list[Record]:
    return [record for record in memory.records if record.topic == topic]
