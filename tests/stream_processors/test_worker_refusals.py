"""What a worker refuses becomes a dead letter with its reason, and the stream goes on."""

from __future__ import annotations

import asyncio

import pytest

from producers import topics
from producers.tick import encode
from stream_processors.dead_letters import MAX_VALUE
from tests.stream_processors.outputs import Held, Memory, of_topic, worker
from tests.stubs import SEEN_MS, frame


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
