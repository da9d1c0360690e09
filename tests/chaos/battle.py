"""A cluster under load and under watch, and the verdict on everything that has happened to it so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.cluster import PARTITIONS, Cluster, cluster
from tests.chaos.load import Load
from tests.chaos.market import Market
from tests.chaos.verdict import Verdict, judge
from tests.chaos.watch import Watch
from tests.services import until

CAUGHT_UP_S = 180.0


class Battle:
    """Load goes on until `verdict`, and again after `resume`."""

    def __init__(self, attacked: Cluster, seed: int) -> None:
        self.cluster = attacked
        self.load = Load(attacked.settings, Market(seed, attacked.universe.symbols, PARTITIONS))
        self.watch = Watch(attacked.settings)

    def resume(self) -> None:
        """Publish again."""
        self.load.start()

    def published(self, records: int) -> None:
        """Let so many more records be published."""
        goal = self.load.records + records
        until(lambda: self.load.records >= goal, f"{records} more records published", CAUGHT_UP_S)

    def _processed(self, placed: Iterable[tuple[int, int]]) -> None:
        """Wait until the workers have acknowledged every record that was put into the log."""
        ends = {number: offset + 1 for number, offset in placed}
        group = self.cluster.group
        until(lambda: group.behind(ends) == 0, "everything acknowledged", CAUGHT_UP_S, every_s=0.2)

    def verdict(self) -> Verdict:
        """Stop the load, wait until all is acknowledged, and judge everything since the beginning."""
        placed = self.load.settle()
        self._processed(placed)
        return judge(self.cluster, placed, self.watch.regressed)


@contextmanager
def battle(folder: Path, seed: int) -> Iterator[Battle]:
    """A cluster with nothing but load and watch, until the block ends."""
    with cluster(folder) as attacked:
        fought = Battle(attacked, seed)
        fought.watch.start()
        try:
            yield fought
        finally:
            fought.watch.stop()
            fought.load.close()
