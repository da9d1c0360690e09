"""What is published again must not be taken for a duplicate of what came after it."""

from __future__ import annotations

from launcher.dead_letters import as_new
from producers.sessions import nyse
from producers.tick import decode, encode
from producers.universe import load_universe
from stream_processors.partition import Partition
from tests.stubs import SESSION, close_ms, frame


def test_a_frame_that_was_refused_for_its_clock_counts_when_it_is_replayed() -> None:
    partition = Partition(0, "log:0", load_universe(), nyse())
    refused = encode(frame(seq=1, price=[7.0], event_ms=[close_ms(SESSION)]))
    partition.apply(frame(seq=2, event_ms=[close_ms(SESSION)]), 0)
    assert partition.apply(decode(refused), 1).duplicate
    assert partition.apply(decode(as_new(refused)), 2).applied == 1


def test_what_cannot_be_read_stays_as_it_is() -> None:
    assert as_new(b"\x00garbage") == b"\x00garbage"
