"""Records that Faust left out are applied before the one that follows them, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

import pytest

from producers.tick import encode
from stream_processors.gap import fill
from stream_processors.worker import Worker
from tests.stream_processors.outputs import Held, Memory, worker
from tests.stubs import SEEN_MS, SESSION, closes, random_walk

SENT = [encode(closes([price], first=SESSION + i, seq=i)) for i, price in enumerate(random_walk(5))]


class Partition(NamedTuple):
    partition: int


class Record(NamedTuple):
    offset: int
    value: bytes
    timestamp: int


class Consumer:
    """Faust's, as far as a gap is concerned."""

    def __init__(self) -> None:
        self.gaps: list[tuple[int, int]] = []

    async def _add_gap(self, tp: Any, start: int, end: int) -> None:
        del tp
        self.gaps.append((start, end))


def filled(own: Worker, taken_away_at: int | None) -> tuple[bool, Consumer]:
    """Fill what lies before the record at offset 4; the partition moves while the given offset is read."""
    consumer = Consumer()

    async def read(partition: int, start: int, stop: int) -> AsyncGenerator[Any, None]:
        for offset in range(start, stop):
            if offset == taken_away_at:
                own.forget({partition})
            yield Record(offset, SENT[offset], SEEN_MS)
        if taken_away_at == stop:
            own.forget({partition})

    return asyncio.run(fill(own, consumer, Partition(0), 4, read)), consumer


def test_what_was_left_out_is_applied_in_order() -> None:
    memory = Memory()
    own = worker(memory)
    complete, consumer = filled(own, None)
    assert complete
    assert own.next_offset(0) == 4
    assert consumer.gaps == [(0, 3)]
    assert filled(own, None)[0]  # nothing is left to fill


@pytest.mark.parametrize("at", [1, 2, 4])
def test_a_partition_that_moves_meanwhile_is_let_go(at: int) -> None:
    memory = Memory()
    own = worker(memory)
    asyncio.run(own.apply(0, 0, SENT[0], SEEN_MS, Held(memory)))
    asyncio.run(own.snapshot())
    before = dict(memory.changelog)
    complete, consumer = filled(own, at)
    assert not complete  # so the record at 4 is dropped; its owner reads it again
    assert not own.is_open(0)
    assert consumer.gaps == []
    asyncio.run(own.snapshot())
    assert memory.changelog == before
