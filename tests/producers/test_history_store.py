"""Histories on disk: several writers leave one truth."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from producers.history_store import History, HistoryStore


def history(number: int) -> History:
    return History(f"S{number % 8}", np.arange(50, dtype=np.int64), np.full(50, 1.0 + number))


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    made = [history(number) for number in range(64)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: HistoryStore(tmp_path).write(one), made))
    store = HistoryStore(tmp_path)
    assert store.current().keys() == {one.symbol for one in made}
    for symbol in store.current():
        found = store.read(symbol)
        assert found is not None
        assert found.hash in {one.hash for one in made if one.symbol == symbol}
