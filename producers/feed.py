"""What a feed is: history at once, then live ticks as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from producers.feed_report import Condition
from producers.tick_batch import NOTHING, TickBatch

SLICE_S = 1.0


def quiet(left_s: Callable[[], float]) -> Iterator[TickBatch]:
    """Empty batches until nothing is left of a wait: a producer that is only patient still says how it is."""
    while (seconds := left_s()) > SLICE_S:
        time.sleep(SLICE_S)
        yield NOTHING
    time.sleep(max(0.0, seconds))


class Feed(Protocol):
    """One source of prices. Names appear in every frame, on the page and in the log."""

    name: str

    def data_hash(self) -> str:
        """Identifies the history, so that a model can name the data it was trained on."""

    def condition(self) -> Condition:
        """How the feed is at this moment."""

    def history(self, through_ms: int = 0) -> Iterator[TickBatch]:
        """The past, oldest first, each symbol in one batch; published as fast as the broker takes it.

        through_ms : a feed that replays the past also gives what it has played up to this moment.
        """

    def live(self, newest: Mapping[str, int]) -> Iterator[TickBatch]:
        """Ticks as they happen. Blocks between batches; ends when the feed has nothing more.

        newest : event time of each symbol's newest tick in the log; a feed that replays the past does not wait for
        what is there. A batch that is `whole` replaces the past of its symbols. Empty batches mean nothing.
        """
