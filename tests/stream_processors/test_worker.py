"""The order of effects: nothing is acknowledged before it is durable, and failures lose nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pytest

from feature_repo.features import FEATURES
from feature_repo.online_rows import OnlineRow, OnlineRows
from producers import topics
from producers.sessions import nyse
from producers.tick import encode
from producers.universe import load_universe
from stream_processors.dead_letters import MAX_VALUE, Record
from stream_processors.partition import Final
from stream_processors.snapshots import Entries
from stream_processors.worker import Worker
from tests.stubs import SEEN_MS, SESSION, close_ms, closes, frame, random_walk


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


def test_a_record_is_acknowledged_after_everything_it_led_to_is_durable() -> None:
    memory = Memory()

    async def scenario() -> None:
        own = worker(memory)
        await own.apply(0, 0, encode(closes([100.0, 101.0, 102.0])), SEEN_MS, Held(memory))
        assert "ack" not in memory.log
        await own.snapshot()

    asyncio.run(scenario())
    assert memory.log.index("ack") == len(memory.log) - 1
    assert {"online", "offline", "changelog", "send"} <= set(memory.log)
    assert memory.online["GC=F"].values[0] == 102.0
    assert len(memory.finals) == 2
    assert [record.key for record in of_topic(memory, topics.BARS)] == [
        b"GC=F|" + str(nyse().date[SESSION + i]).replace("-", "").encode() for i in range(2)
    ]


@pytest.mark.parametrize("broken", ["online", "send", "offline", "changelog"])
def test_while_a_sink_is_away_nothing_is_acknowledged_and_afterwards_nothing_is_missing(broken: str) -> None:
    memory = Memory(broken={broken})

    async def scenario() -> None:
        own = worker(memory)
        await own.apply(0, 0, encode(closes([100.0, 101.0])), SEEN_MS, Held(memory))
        with pytest.raises(ConnectionError):
            await own.snapshot()
        assert "ack" not in memory.log
        await own.apply(
            0, 1, encode(frame(seq=1, price=[99.0], event_ms=[close_ms(SESSION + 2)])), SEEN_MS, Held(memory)
        )
        memory.broken.clear()
        await own.snapshot()

    asyncio.run(scenario())
    assert memory.log.count("ack") == 2
    assert memory.online["GC=F"].values[0] == 99.0
    assert {final.bar.close for final in memory.finals} == {100.0, 101.0}
    assert {record.key for record in of_topic(memory, topics.BARS)} == {
        f"GC=F|{str(nyse().date[SESSION + i]).replace('-', '')}".encode() for i in range(2)
    }


def test_a_bad_record_becomes_a_dead_letter_and_the_stream_goes_on() -> None:
    memory = Memory()

    async def scenario() -> None:
        own = worker(memory)
        await own.apply(0, 0, b"not json", SEEN_MS, Held(memory))
        await own.apply(0, 1, None, SEEN_MS, Held(memory))
        await own.apply(0, 2, encode(frame(price=[-5.0])), SEEN_MS, Held(memory))
        await own.apply(0, 3, encode(frame(seq=1)), SEEN_MS, Held(memory))
        await own.snapshot()

    asyncio.run(scenario())
    dead = of_topic(memory, topics.DEAD)
    headers = [dict(record.headers) for record in dead]
    assert [one["reason"] for one in headers] == [b"not_json", b"not_json", b"bad_price"]
    assert [one["source_offset"] for one in headers] == [b"0", b"1", b"2"]
    assert dead[0].value == b"not json"
    assert memory.online["GC=F"].values[0] == 101.0
    assert memory.log.count("ack") == 4


def test_a_worker_that_takes_over_continues_from_the_changelog() -> None:
    memory = Memory()
    prices = random_walk(40)

    async def scenario() -> None:
        first = worker(memory)
        await first.apply(0, 0, encode(closes(prices[:20])), SEEN_MS, Held(memory))
        await first.snapshot()
        second = worker(memory)
        # The first was not committed: it comes again.
        await second.apply(0, 0, encode(closes(prices[:20])), SEEN_MS, Held(memory))
        await second.apply(
            0, 1, encode(closes(prices[20:], first=SESSION + 20, seq=1)), SEEN_MS, Held(memory)
        )
        await second.snapshot()

    asyncio.run(scenario())
    other = Memory()

    async def straight() -> None:
        own = worker(other)
        await own.apply(0, 0, encode(closes(prices)), SEEN_MS, Held(other))
        await own.snapshot()

    asyncio.run(straight())
    apart = [i for i, feature in enumerate(FEATURES) if feature.name != "source_offset"]
    taken_over, straight_on = memory.online["GC=F"].values, other.online["GC=F"].values
    assert [taken_over[i] for i in apart] == [straight_on[i] for i in apart]
    assert len(memory.finals) == len(other.finals) == 39


def test_a_frame_from_the_future_is_refused_whole() -> None:
    memory = Memory()

    async def scenario() -> None:
        own = worker(memory)
        await own.apply(0, 0, encode(frame()), SEEN_MS - 61_000, Held(memory))
        await own.snapshot()

    asyncio.run(scenario())
    (dead,) = of_topic(memory, topics.DEAD)
    assert dict(dead.headers)["reason"] == b"ahead_of_clock"
    assert memory.online == {}


def test_a_huge_dead_frame_is_cut_to_what_kafka_takes() -> None:
    memory = Memory()

    async def scenario() -> None:
        own = worker(memory)
        await own.apply(0, 0, b"x" * 1_048_000, SEEN_MS, Held(memory))
        await own.snapshot()

    asyncio.run(scenario())
    (dead,) = of_topic(memory, topics.DEAD)
    assert len(dead.value) == MAX_VALUE
    assert dict(dead.headers)["truncated_from"] == b"1048000"


@pytest.mark.parametrize("during", ["send", "offline"])
def test_a_partition_taken_away_during_a_snapshot_is_not_written_any_more(during: str) -> None:
    memory = Memory()
    own = worker(memory)
    do = memory._do

    def taken_away(what: str) -> None:
        do(what)
        if what == during:
            own.forget({0})

    memory._do = taken_away  # type: ignore[method-assign]

    async def scenario() -> None:
        for number in (0, 1):
            await own.apply(number, 0, encode(closes([100.0, 101.0])), SEEN_MS, Held(memory))
        await own.snapshot()

    asyncio.run(scenario())
    assert memory.log.count("ack") == 1  # partition 1 goes on
    assert all(key.startswith(b"log:1:") for key in memory.changelog)


def test_a_record_that_waited_through_a_rebalance_is_left_to_the_new_owner() -> None:
    memory = Memory()

    async def scenario() -> None:
        own = worker(memory)
        await own.apply(0, 0, encode(closes([100.0, 101.0])), SEEN_MS, Held(memory))
        own._room.clear()  # as with Redis away for long
        waiting = asyncio.create_task(own.apply(0, 5, encode(frame(seq=5)), SEEN_MS, Held(memory)))
        await asyncio.sleep(0)
        own.forget({0})
        await waiting
        await own.snapshot()

    asyncio.run(scenario())
    assert "ack" not in memory.log
    assert memory.changelog == {}


def test_live_finals_are_announced_and_history_is_not() -> None:
    memory = Memory()

    async def scenario() -> None:
        own = worker(memory)
        await own.apply(0, 0, encode(closes([100.0, 101.0], history=True)), SEEN_MS, Held(memory))
        await own.apply(0, 1, encode(closes([102.0, 103.0], first=SESSION + 2, seq=1)), SEEN_MS, Held(memory))
        await own.snapshot()

    asyncio.run(scenario())
    finals = [record for record in of_topic(memory, topics.FEATURES) if b'"final":true' in record.value]
    assert len(of_topic(memory, topics.BARS)) == 3
    assert len(finals) == 2  # sessions that became final by a live tick


def test_a_worker_knows_the_first_record_that_its_state_does_not_contain() -> None:
    memory = Memory()
    sent = [encode(closes([price], first=SESSION + i, seq=i)) for i, price in enumerate(random_walk(4))]

    async def scenario() -> None:
        own = worker(memory)
        assert own.next_offset(0) == 0
        for offset, value in enumerate(sent):
            await own.apply(0, offset, value, SEEN_MS, Held(memory))
        await own.apply(0, 4, b"refused", SEEN_MS, Held(memory))
        await own.apply(0, 5, sent[3], SEEN_MS, None)  # a duplicate that nobody waits for
        assert own.next_offset(0) == 6
        await own.snapshot()
        assert worker(memory).next_offset(0) == 6

    asyncio.run(scenario())
    assert memory.log.count("ack") == 5


def test_of_two_workers_that_began_with_the_same_state_neither_spoils_what_the_other_wrote() -> None:
    memory = Memory()
    prices = random_walk(12)
    sent = [encode(closes([price], first=SESSION + i, seq=i)) for i, price in enumerate(prices)]

    async def feed(own: Worker, offsets: range) -> None:
        for offset in offsets:
            await own.apply(0, offset, sent[offset], SEEN_MS, Held(memory))

    async def scenario() -> None:
        frozen, owner = worker(memory), worker(memory)
        await feed(frozen, range(4))
        await feed(owner, range(8))
        await owner.snapshot()  # records 0 to 7 are acknowledged
        await frozen.snapshot()  # wakes up, not knowing that its partition has moved
        heir = worker(memory)
        assert heir.next_offset(0) == 8
        await feed(heir, range(8, 12))
        await heir.snapshot()

    asyncio.run(scenario())
    assert memory.online["GC=F"].values[0] == prices[-1]
    assert {final.bar.close for final in memory.finals} == set(prices[:-1])
    assert memory.finals[-1].n_sessions == 11


def test_what_waits_for_a_store_that_is_away_is_bounded_in_bytes() -> None:
    memory = Memory(broken={"send", "online", "offline", "changelog"})

    async def scenario() -> None:
        own = worker(memory)
        taken = 0
        for offset in range(1_000):
            try:
                await asyncio.wait_for(
                    own.apply(0, offset, b"x" * 1_000_000, SEEN_MS, Held(memory)), timeout=0.2
                )
            except TimeoutError:
                break
            taken += 1
        assert 100 <= taken <= 140  # dead letters of 1 MB
        memory.broken.clear()
        await own.snapshot()
        await own.apply(0, taken, encode(frame()), SEEN_MS, Held(memory))
        await own.snapshot()
        assert memory.log.count("ack") == taken + 1

    asyncio.run(scenario())


def test_a_record_that_breaks_our_own_code_becomes_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    own = worker(memory)

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    async def scenario() -> None:
        with monkeypatch.context() as patched:
            patched.setattr("stream_processors.partition.Partition.apply", broken)
            await own.apply(0, 0, encode(frame()), SEEN_MS, Held(memory))
        await own.apply(0, 1, encode(frame(seq=1)), SEEN_MS, Held(memory))
        await own.snapshot()

    asyncio.run(scenario())
    (dead,) = of_topic(memory, topics.DEAD)
    assert dict(dead.headers)["reason"] == b"unexpected"
    assert memory.online["GC=F"].values[0] == 101.0


def test_rows_that_a_store_has_lost_are_written_again_though_their_symbols_rest() -> None:
    memory = Memory()

    async def scenario() -> None:
        own = worker(memory)
        await own.apply(0, 0, encode(frame()), SEEN_MS, Held(memory))
        await own.flush()
        memory.online.clear()
        own.write_all_again()
        await own.flush()

    asyncio.run(scenario())
    assert memory.online["GC=F"].values[0] == 101.0
