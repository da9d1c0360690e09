"""What Faust leaves out of a partition is read from the log itself."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from producers import topics
from stream_processors.worker import Worker

log = logging.getLogger("stream_processors")

Read = Callable[
    [int, int, int], AsyncGenerator[Any, None]
]  # of a partition, from an offset to before another


async def fill(worker: Worker, consumer: Any, tp: Any, offset: int, read: Read) -> bool:
    """Apply what lies between the state of a partition and a record, if Faust has left something out.

    It drops what it fetched while it recovers, and goes back to the committed offset only where there is
    one: the first records of a partition, read before the first commit, would be lost.

    Returns False when the partition was taken away meanwhile: opened again, its state would be that of an
    earlier record, and the next one applied to it would leave a hole that nobody sees.
    """
    start = worker.next_offset(tp.partition)
    if start >= offset:
        return True
    log.warning("%s[%d]: %d to %d were left out", topics.TICKS, tp.partition, start, offset - 1)
    async with aclosing(read(tp.partition, start, offset)) as records:
        async for record in records:
            if not worker.is_open(tp.partition):
                return False
            await worker.apply(tp.partition, record.offset, record.value, record.timestamp, None)
    if worker.is_open(tp.partition):
        # Without this Faust waits for their acknowledgement before it commits anything.
        await consumer._add_gap(tp, start, offset - 1)
    return worker.is_open(tp.partition)
