"""`--from` of `allocast topics tail`: where in a topic to begin."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from producers.errors import FixAndRestart

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
FORM = "expected start, end, an offset (@1042), an age (30s, 10m, 2h, 7d) or a time (2026-01-31T09:30Z)"


@dataclass(frozen=True)
class Start:
    """One of: the oldest record, the next one, an offset in every partition, a time (ms since epoch)."""

    oldest: bool = False
    offset: int | None = None
    at_ms: int | None = None


NEXT = Start()
OLDEST = Start(oldest=True)


def parse(text: str, now_s: float | None = None) -> Start:
    """Raises FixAndRestart with the forms that are understood.

    >>> parse("@7"), parse("10m", now_s=1_000.0), parse("2026-01-31T09:30Z").at_ms
    (Start(oldest=False, offset=7, at_ms=None), Start(oldest=False, offset=None, at_ms=400000), 1769851800000)
    """
    if text in ("start", "end"):
        return OLDEST if text == "start" else NEXT
    if offset := re.fullmatch(r"@(\d{1,18})", text):
        return Start(offset=int(offset[1]))
    if age := re.fullmatch(r"(\d{1,9})([smhd])", text):
        now = time.time() if now_s is None else now_s
        return Start(at_ms=int(1000 * (now - int(age[1]) * UNITS[age[2]])))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FixAndRestart(f"--from {text}: {FORM}") from None
    return Start(at_ms=int(1000 * (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))


def seek(consumer: Any, partitions: list[Any], start: Start) -> dict[Any, int]:
    """Move a consumer there and return where its partitions end now. A time goes by the records' own timestamps."""
    ends: dict[Any, int] = consumer.end_offsets(partitions)
    begins: dict[Any, int] = consumer.beginning_offsets(partitions)
    found: dict[Any, Any] = {}
    if start.at_ms is not None:
        found = consumer.offsets_for_times(dict.fromkeys(partitions, start.at_ms))
    for one in partitions:
        if start.oldest:
            at = begins[one]
        elif start.offset is not None:
            at = min(max(start.offset, begins[one]), ends[one])
        elif found.get(one) is not None:
            at = found[one].offset
        else:
            at = ends[one]
        consumer.seek(one, at)
    return ends
