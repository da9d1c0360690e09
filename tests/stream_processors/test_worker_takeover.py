"""Partitions that move: what a worker leaves, what the next one begins with, and that neither spoils the other's work."""

from __future__ import annotations

import asyncio

import pytest

from feature_repo.features import FEATURES
from producers.tick import encode
from stream_processors.worker import Worker
from tests.stream_processors.outputs import Held, Memory, worker
from tests.stubs import SEEN_MS, SESSION, closes, frame, random_walk


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
