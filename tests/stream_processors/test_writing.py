"""The tasks that write: one that cannot does not hide behind one that can."""

from __future__ import annotations

import asyncio
import logging

import pytest

from producers.settings import Settings
from producers.tick import encode
from stream_processors import writing
from stream_processors.watchdog import Watchdog
from stream_processors.writing import Writing
from tests.stream_processors.outputs import Held, Memory, worker
from tests.stubs import SEEN_MS, SESSION, closes, random_walk

WRITTEN = "writing %s works again after %.0f s"


class Beats(Watchdog):
    """Remembers whether it was told of a store that is away."""

    def __init__(self) -> None:
        super().__init__(Settings())
        self.excused: list[bool] = []

    def beat(self, excused: bool) -> None:
        super().beat(excused)
        self.excused.append(excused)


def run(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> Beats:
    """Write while a sink refuses; it takes again after forty beats, and twenty later all is over."""
    monkeypatch.setattr(writing, "RETRY_S", 0.02)
    monkeypatch.setattr(writing, "ANNOUNCE_S", 0.02)
    monkeypatch.setattr(writing, "IDLE_S", 0.02)
    beats, prices = Beats(), random_walk(60)
    own = worker(memory)

    async def scenario() -> None:
        sent = 0

        def stopped() -> bool:
            if len(beats.excused) >= 40:
                memory.broken.clear()
            own.snapshot_due.set()
            return len(beats.excused) >= 60

        async def feed() -> None:
            nonlocal sent
            while not stopped():
                value = encode(closes([prices[sent % 60]], first=SESSION + sent, seq=sent))
                await own.apply(0, sent, value, SEEN_MS, Held(memory))
                sent += 1
                await asyncio.sleep(0.02)

        await asyncio.gather(Writing(own, beats).run(stopped), feed())

    asyncio.run(asyncio.wait_for(scenario(), 60))
    return beats


@pytest.mark.parametrize("broken", ["online", "offline", "send"])
def test_an_outage_is_told_once_and_excuses_standing_still_for_as_long_as_it_lasts(
    broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    memory = Memory(broken={broken})
    with caplog.at_level(logging.INFO, logger="stream_processors"):
        beats = run(memory, monkeypatch)
    kinds = {"online": 2, "offline": 1, "send": 2}[broken]  # a snapshot needs them all
    warned = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert len(warned) == kinds, [one.getMessage() for one in warned]
    assert len([one for one in caplog.records if one.msg == WRITTEN]) == kinds
    first = beats.excused.index(True)
    assert all(beats.excused[first:40])
    assert not beats.excused[-1]
    assert "ack" in memory.log
