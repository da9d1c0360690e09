"""Loading gives exactly the ticks, in frames of exactly the size asked for."""

from __future__ import annotations

import pytest

from benchmarks.market import SESSION, SPAN_MS, ticks
from producers.publisher import Framer
from producers.tick import partition_of
from tests.stubs import close_ms


@pytest.mark.parametrize("frame_ticks", [1, 16, 256])
def test_frames_hold_all_ticks_with_sizes_in_order(frame_ticks: int) -> None:
    batch = ticks(5_000, 20, seed=3)
    framer = Framer("bench", 4, "e", frame_ticks)
    found: dict[str, list[tuple[int, float, float]]] = {}
    shorter: dict[int, int] = {}
    for partition, frame in framer.frames(batch, 0, history=False):
        assert frame.size is not None
        shorter[partition] = shorter.get(partition, 0) + (len(frame.symbol) < frame_ticks)
        for code, at, price, size in zip(frame.symbol, frame.event_ms, frame.price, frame.size, strict=True):
            symbol = frame.symbols[code]
            assert partition_of(symbol, 4) == partition
            found.setdefault(symbol, []).append((at, price or 0.0, size or 0.0))
    assert batch.size is not None
    wanted: dict[str, list[tuple[int, float, float]]] = {}
    for symbol, at, price, size in zip(
        batch.symbol.tolist(), batch.event_ms.tolist(), batch.price.tolist(), batch.size.tolist(), strict=True
    ):
        wanted.setdefault(symbol, []).append((at, price, size))
    assert found == wanted
    assert max(shorter.values()) <= 1  # only the last of a partition


def test_ticks_are_seeded_and_fall_into_one_session() -> None:
    one, other = ticks(1_000, 10, seed=1), ticks(1_000, 10, seed=1)
    assert (one.price == other.price).all()
    assert close_ms(SESSION) - SPAN_MS <= one.event_ms.min() <= one.event_ms.max() <= close_ms(SESSION)
    assert (ticks(1_000, 10, seed=2).price != one.price).any()
