"""What a feed is: history at once, then live ticks as they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from producers.tick_batch import TickBatch


class Feed(Protocol):
    """One source of prices. Names appear in every frame, on the page and in the log."""

    name: str

    def data_hash(self) -> str:
        """Identifies the history, so that a model can name the data it was trained on."""

    def history(self) -> Iterator[TickBatch]:
        """The past, oldest first; published as fast as the broker takes it."""

    def live(self, after_ms: int) -> Iterator[TickBatch]:
        """Ticks as they happen. Blocks between batches; ends when the feed has nothing more.

        A feed that replays the past does not wait for ticks at or before after_ms: they are in the log.
        """
