"""One fault after the other, under load. After each: nothing lost, nothing twice, no key went back, parity."""

from __future__ import annotations

import pytest

from tests.chaos.battle import Battle

pytestmark = pytest.mark.timeout(600)


def test_a_killed_worker_loses_nothing(fought: Battle) -> None:
    victim, _ = fought.cluster.workers
    for records in (150, 400):
        fought.published(records)
        victim.kill()
        victim.start()
    fought.cluster.shared_by(2)
    verdict = fought.verdict()
    assert verdict.clean, str(verdict)
