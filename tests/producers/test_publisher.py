from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from producers.publisher import Framer, new_epoch
from producers.tick import MAX_TICKS, partition_of
from producers.tick_batch import batch

SYMBOLS = ["GC=F", "^IXIC", "^GSPC", "BTC-USD", "^IRX"]


@given(st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=3000))
def test_frames_hold_every_tick_once_in_order_on_the_right_partition(symbols: list[str]) -> None:
    framer = Framer("csv", 12, "e")
    ticks = batch(symbols, list(range(len(symbols))), [float(i) for i in range(len(symbols))])
    seen = defaultdict(list)
    sequences = defaultdict(list)
    for partition, frame in framer.frames(ticks, 7, history=False):
        assert len(frame.symbol) <= MAX_TICKS
        sequences[partition].append(frame.seq)
        for index, price in zip(frame.symbol, frame.price, strict=True):
            assert partition_of(frame.symbols[index], 12) == partition
            seen[frame.symbols[index]].append(price)
    assert all(found == list(range(len(found))) for found in sequences.values())
    for symbol in set(symbols):
        assert seen[symbol] == [float(i) for i, name in enumerate(symbols) if name == symbol]


def test_sequences_go_on_over_batches_and_epochs_differ() -> None:
    framer = Framer("csv", 12, "e")
    one = batch(["GC=F"], [1], [1.0])
    numbers = [frame.seq for _ in range(3) for _, frame in framer.frames(one, 1, history=False)]
    assert numbers == [0, 1, 2]
    assert new_epoch() != new_epoch()
