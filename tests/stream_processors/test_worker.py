"""The order of effects: nothing is acknowledged before it is durable, and failures lose nothing."""

from __future__ import annotations

import asyncio

import pytest

from producers import topics
from producers.sessions import nyse
from producers.tick import encode
from tests.stream_processors.outputs import Held, Memory, of_topic, worker
from tests.stubs import SEEN_MS, SESSION, close_ms, closes, frame


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


def test_a_row_that_the_broker_did_not_take_is_announced_when_it_does() -> None:
    memory = Memory(broken={"send"})

    async def scenario() -> None:
        own = worker(memory)
        await own.apply(0, 0, encode(closes([100.0])), SEEN_MS, Held(memory))
        await own.flush()
        with pytest.raises(ConnectionError):
            await own.announce()
        memory.broken.clear()
        await own.announce()
        await own.announce()  # what was told is not told again

    asyncio.run(scenario())
    assert [record.key for record in of_topic(memory, topics.FEATURES)] == [b"GC=F"]
