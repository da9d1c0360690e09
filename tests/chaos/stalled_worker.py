"""A stream worker that joins its group, takes partitions and then never makes anything durable."""

from __future__ import annotations

import asyncio
import sys

from stream_processors.__main__ import main
from stream_processors.worker import Worker


async def never(_: Worker) -> None:
    """In place of Worker.snapshot: what a stalled consumer or a lost wake-up looks like from outside."""
    await asyncio.Event().wait()


if __name__ == "__main__":
    Worker.snapshot = never  # type: ignore[method-assign]  # the fault itself
    sys.exit(main())
