from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from producers import metrics
from producers.publisher import Framer, Publisher, new_epoch
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


def test_a_whole_history_begins_anew_once_per_symbol() -> None:
    n = 2500
    late = batch(["GC=F"] * n + ["^IRX"], list(range(n + 1)), [1.0] * (n + 1))
    frames = [
        frame for _, frame in Framer("yahoo", 1, "e").frames(replace(late, whole=True), 7, history=True)
    ]
    assert [[frame.symbols[at] for at in frame.restart] for frame in frames] == [["GC=F"], [], ["^IRX"]]
    assert all(not frame.restart for _, frame in Framer("yahoo", 1, "e").frames(late, 7, history=True))


def test_official_closes_travel_as_such() -> None:
    closes = replace(batch(["A"], [1], [1.0]), settled=True)
    assert [frame.settled for _, frame in Framer("csv", 4, "e").frames(closes, 7, history=False)] == [True]


def test_marks_travel_with_their_ticks() -> None:
    ticks = replace(batch(["A", "B", "A"], [1, 1, 2], [1.0, 2.0, 3.0]), mark=np.array([0, 3, 1]))
    seen = {
        (frame.symbols[at], price): mark
        for _, frame in Framer("yahoo", 4, "e").frames(ticks, 7, history=False)
        for at, price, mark in zip(frame.symbol, frame.price, frame.marks or [], strict=True)
    }
    assert seen == {("A", 1.0): 0, ("B", 2.0): 3, ("A", 3.0): 1}


class Stuck:
    """Kafka that takes frames and acknowledges none."""

    is_done = False

    def send(self, *_: object, **__: object) -> Stuck:
        return self


def test_a_publisher_beside_the_one_of_the_prices_hides_no_standstill() -> None:
    stuck: Any = Stuck()
    prices = Publisher(stuck, Framer("csv", 1, "e")).watched()
    prices.publish(batch(["GC=F"], [1], [1.0]))
    Publisher(stuck, Framer("cpi:snapshot", 1, "c"))
    value = {
        (sample.name, sample.labels.get("service")): sample.value
        for metric in (metrics.FRAMES_WAITING, metrics.PROGRESS)
        for family in metric.collect()
        for sample in family.samples
    }
    assert value["allocast_frames_unacknowledged", None] == 1
    assert (
        value[metrics.PROGRESS_NAME, "producer"] == prices._waiting[0][0]
    )  # when the frame was sent that waits
