"""One fault after the other, under load. After each: nothing lost, nothing twice, no key went back, parity."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.parity import verify
from stream_processors.watchdog import EXIT_CODE
from tests.chaos.battle import Battle, battle
from tests.services import until

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def fought(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Battle]:
    """Two workers that share the partitions, for all tests below."""
    with battle(tmp_path_factory.mktemp("chaos"), seed=1) as started:
        started.resume()  # the first worker finds records already there
        for _ in range(2):
            started.cluster.add_worker()
        started.cluster.shared_by(2)
        yield started


@pytest.fixture(autouse=True)
def load(fought: Battle) -> None:
    """Ticks of every kind keep coming until the verdict."""
    fought.resume()
    fought.published(100)


def judge(fought: Battle) -> None:
    verdict = fought.verdict()
    assert verdict.clean, str(verdict)
    assert verdict.dead > 0  # bad ticks were among them
    assert fought.watch.samples > 0


def test_a_killed_worker(fought: Battle) -> None:
    victim = fought.cluster.workers[0]
    victim.kill()
    fought.cluster.shared_by(1)
    victim.start()
    fought.cluster.shared_by(2)
    judge(fought)


def test_a_frozen_worker_whose_partitions_have_moved(fought: Battle) -> None:
    victim = fought.cluster.workers[1]
    victim.freeze()
    fought.cluster.shared_by(1)
    fought.published(100)
    victim.thaw()
    fought.cluster.shared_by(2)
    judge(fought)


def test_killed_stores(fought: Battle) -> None:
    for server in (fought.cluster.redis, fought.cluster.kafka):
        server.kill()
        if server is fought.cluster.redis:
            fought.published(300)  # the worker holds what it cannot write
        server.start()
        fought.published(100)
    judge(fought)


def test_a_third_worker_joins_and_leaves(fought: Battle) -> None:
    third = fought.cluster.add_worker()
    fought.cluster.shared_by(3)
    fought.published(100)
    third.terminate()
    fought.cluster.shared_by(2)
    judge(fought)


def test_a_worker_that_stands_still_ends_itself(fought: Battle) -> None:
    stalled = fought.cluster.stalled_worker(limit_s=8.0)
    stalled.start()
    try:
        until(lambda: not stalled.running, "the watchdog has ended the stalled worker", 180)
    finally:
        stalled.kill()
    assert stalled.exit_code == EXIT_CODE, stalled.log.read_text(encoding="utf-8")[-2000:]
    fought.cluster.shared_by(2)
    judge(fought)


def test_a_rolling_restart_and_a_backup_that_is_restored(fought: Battle, tmp_path: Path) -> None:
    """The commands of docs/operators.md: stop, archive, lose everything, unpack, start. The verdict stays the same."""
    cluster = fought.cluster
    for worker in cluster.workers[:2]:
        worker.terminate()
        worker.start()
        cluster.shared_by(2)
    judge(fought)
    before = verify(cluster.settings, cluster.universe)
    for server in (*cluster.workers[:2], cluster.redis, cluster.kafka):
        server.terminate()
    folder, archive = cluster.settings.state_dir.parent, tmp_path / "backup.tgz"
    subprocess.run(["tar", "-C", str(folder), "-czf", str(archive), "."], check=True)
    shutil.rmtree(folder)
    folder.mkdir()
    subprocess.run(["tar", "-C", str(folder), "-xzf", str(archive)], check=True)
    for server in (cluster.kafka, cluster.redis):
        server.start()
        until(server.ready, f"{server.name} answers")
    assert verify(cluster.settings, cluster.universe) == before
    for worker in cluster.workers[:2]:
        worker.start()
    cluster.shared_by(2)
    fought.resume()
    fought.published(100)
    judge(fought)
