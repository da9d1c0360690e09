"""Rows as arguments of the script that writes them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from feature_repo.features import NUMERIC, ROW_SIZE, WINDOW, WINDOW_SIZE, spec_hash
from feature_repo.online_encoding import encode_numbers, max_size, string, timestamp
from feature_repo.online_rows import EVENT_MS, INTEGERS, OnlineRows


class RowEncoder:
    """Knows Feast's names of the fields, and what is the same in every row."""

    def __init__(self, fields: Mapping[str, bytes]) -> None:
        """fields : feature -> name of its field in Redis."""
        order = [*(feature.name for feature in NUMERIC), WINDOW.name, *INTEGERS]
        self._names = np.array([list(fields[name]) for name in order], dtype=np.uint8)
        self._feed_name = fields["feed"]
        self._spec = string(fields["spec_hash"], spec_hash())
        self._feeds: dict[str, bytes] = {}

    def encode(self, rows: OnlineRows) -> list[bytes]:
        """One argument per row."""
        n = len(rows)
        out = np.empty(n * max_size(len(NUMERIC), WINDOW_SIZE, len(INTEGERS)), dtype=np.uint8)
        ends = np.empty(n, dtype=np.int64)
        values = np.ascontiguousarray(rows.rows, dtype="<f8")
        raw = values.view(np.uint8).reshape(n, 8 * ROW_SIZE)
        encode_numbers(values, raw, rows.integers, len(NUMERIC), self._names, out, ends)
        buffer, starts = out[: ends[-1]].tobytes() if n else b"", [0, *ends.tolist()]
        return [
            b"".join(
                (
                    buffer[starts[i] : starts[i + 1]],
                    self._feed(rows.feeds[i]),
                    self._spec,
                    timestamp(int(rows.integers[i, EVENT_MS])),
                )
            )
            for i in range(n)
        ]

    def _feed(self, name: str) -> bytes:
        field = self._feeds.get(name)
        if field is None:
            field = self._feeds[name] = string(self._feed_name, name)
        return field
