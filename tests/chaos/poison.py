"""Records that are refused whole, each with the reason its dead letter must carry."""

from __future__ import annotations

import json
import random
from typing import Any

MEGABYTE = 1_000_000


def _frame(**given: Any) -> bytes:
    fields = {
        "source": "chaos",
        "epoch": "poison",
        "seq": 0,
        "seen_ms": 1,
        "symbols": ["SYM1"],
        "symbol": [0],
        "event_ms": [1],
        "price": [1.0],
    }
    return json.dumps({**fields, **given}).encode()


POISON: tuple[tuple[bytes, str], ...] = (
    (b"", "not_json"),
    (b"\x00\xff\xfe garbage", "not_json"),
    (random.Random(0).randbytes(500), "not_json"),
    (_frame()[:-10], "not_json"),
    (_frame(price=[float("nan")]), "not_json"),
    (b"x" * MEGABYTE, "not_json"),
    (b"null", "bad_shape"),
    (b"[1, 2, 3]", "bad_shape"),
    (b"{}", "bad_shape"),
    (b'{"a":' * 50_000, "bad_shape"),
    (_frame(price="1.0"), "bad_shape"),
    (_frame(price=[10**400]), "bad_shape"),
    (_frame(symbols=[1]), "bad_shape"),
    (_frame(seq=None), "bad_shape"),
    (_frame(symbols=["S" * (MEGABYTE // 2)]), "bad_shape"),
    (_frame(epoch="e" * (MEGABYTE // 2)), "bad_shape"),
    (_frame(source="s" * (MEGABYTE // 2)), "bad_shape"),
    (_frame(price=[]), "bad_columns"),
    (_frame(symbol=[0, 0]), "bad_columns"),
    (_frame(symbol=[7]), "bad_columns"),
    (_frame(symbols=["SYM1", "SYM1"]), "bad_columns"),
    (_frame(event_ms=[2**63]), "bad_columns"),
    (_frame(symbol=[0] * 100_000, event_ms=[0] * 100_000, price=[0] * 100_000), "bad_shape"),
)
