"""The judge is judged: it finds what is wrong, and nothing where nothing is. Without any server."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec
import pytest

from producers import topics
from producers.sessions import nyse
from producers.settings import load_settings
from producers.universe import Asset, Universe
from stream_processors.messages import Bar
from stream_processors.worker import Worker
from tests.chaos.ledger import Ledger
from tests.chaos.market import Market, Sent
from tests.chaos.verdict import compare_bars, dead_letter
from tests.chaos.watch import Watch
from tests.stream_processors.outputs import Held, Memory, of_topic
from tests.stubs import SEEN_MS

SYMBOLS = [f"SYM{number}" for number in range(12)]
UNIVERSE = Universe([Asset(name.lower(), name, name, "price", "sessions", "USD") for name in SYMBOLS])
PARTITIONS = 3
BAR = Bar("A", 20170831, 1.0, 3.0, 0.5, 2.0, 7, 1, 2)


def published(seed: int, steps: int = 300) -> list[tuple[int, Sent]]:
    """Records of a market with the offsets that an empty log gives them."""
    market, ends = Market(seed, SYMBOLS, PARTITIONS), Counter[int]()
    out = []
    for sent in [*(one for _ in range(steps) for one in market.step(SEEN_MS)), *market.close(SEEN_MS)]:
        out.append((ends[sent.partition], sent))
        ends[sent.partition] += 1
    return out


@pytest.mark.parametrize("seed", range(4))
def test_the_ledger_and_a_worker_that_nobody_attacks_agree(seed: int) -> None:
    records, memory = published(seed), Memory()

    async def run() -> None:
        worker = Worker(UNIVERSE, nyse(), memory, "log", list, memory.save)
        for offset, sent in records:
            await worker.apply(sent.partition, offset, sent.value, SEEN_MS, Held(memory))
        await worker.snapshot()

    asyncio.run(run())
    ledger = Ledger(frozenset(SYMBOLS), nyse())
    for offset, sent in records:
        ledger.book(offset, sent)
    bars = [(one.key or b"", one.value) for one in of_topic(memory, topics.BARS)]
    assert compare_bars(ledger.final_bars(), bars) == ([], [])
    assert {dead_letter(one) for one in of_topic(memory, topics.DEAD)} == ledger.dead
    assert {one.reason for one in ledger.dead} >= {"late", "bad_price", "unknown_symbol", "ahead_of_clock"}
    assert ledger.duplicates > 0
    assert ledger.applied + sum(one.symbol != "" for one in ledger.dead) == ledger.ticks


def test_the_same_seed_gives_the_same_records() -> None:
    assert published(7, 50) == published(7, 50) != published(8, 50)


@pytest.mark.parametrize(
    ("found", "lost", "twice"),
    [
        ([BAR], 0, 0),
        ([BAR, BAR], 0, 0),  # at least once
        ([], 1, 0),
        ([msgspec.structs.replace(BAR, ticks=6)], 1, 0),
        ([msgspec.structs.replace(BAR, ticks=8)], 0, 1),
        ([BAR, msgspec.structs.replace(BAR, close=2.5)], 0, 1),
        ([BAR, msgspec.structs.replace(BAR, symbol="B")], 0, 1),
    ],
)
def test_a_tick_too_few_and_a_tick_too_many_are_found(found: list[Bar], lost: int, twice: int) -> None:
    missing, extra = compare_bars({BAR.key: BAR}, [(bar.key, msgspec.json.encode(bar)) for bar in found])
    assert (len(missing), len(extra)) == (lost, twice)


@pytest.mark.parametrize(
    ("after", "regressed"),
    [
        ((b"log:0", 5, 100), 0),
        ((b"log:0", 6, 100), 0),
        ((b"log:0", 4, 100), 1),
        ((b"log:0", 6, 99), 1),
        ((b"other:0", 6, 101), 1),
        ((b"", -1, -1), 1),
    ],
)
def test_a_key_that_goes_back_is_noticed(after: tuple[bytes, int, int], regressed: int) -> None:
    watch = Watch(load_settings())
    watch.note(b"key", b"log:0", 5, 100)
    watch.note(b"key", *after)
    assert len(watch.regressed) == regressed
    watch.stop()
