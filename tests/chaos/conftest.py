"""The cluster that the short tests share: they attack it one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.battle import Battle, battle


@pytest.fixture(scope="module")
def fought(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Battle]:
    """Two workers that share the partitions, under load."""
    with battle(tmp_path_factory.mktemp("chaos"), seed=1) as started:
        started.resume()  # the first worker finds records already there
        for _ in range(2):
            started.cluster.add_worker()
        started.cluster.shared_by(2)
        yield started
