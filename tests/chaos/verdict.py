"""What a run has shown: everything published against everything that came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from feature_repo.features import spec_hash
from feature_repo.online import FeastReader
from launcher.parity import verify
from launcher.topic_reader import consumer, whole_topic
from producers import topics
from producers.sessions import nyse
from stream_processors.messages import Bar, DeadTick
from tests.chaos.cluster import Cluster
from tests.chaos.ledger import Dead, Ledger
from tests.chaos.market import FEED, Sent

FEW = 10  # findings of a kind that are shown


class Verdict(msgspec.Struct, frozen=True):
    """All lists are empty and all counts zero when nothing was lost and nothing happened twice."""

    ticks: int
    records: int
    dead: int
    not_in_log: int  # records that were acknowledged to the producer but are not in the log, or differ
    lost: list[str]
    twice: list[str]
    regressed: list[str]
    different: list[str]  # features online or offline that a clean replay computes differently

    @property
    def clean(self) -> bool:
        return not (self.not_in_log or self.lost or self.twice or self.regressed or self.different)

    def __str__(self) -> str:
        """A line of counts, then the first findings of each kind."""
        counts = {name: getattr(self, name) for name in ("records", "ticks", "dead", "not_in_log")}
        findings = {name: getattr(self, name) for name in ("lost", "twice", "regressed", "different")}
        counts |= {name: len(found) for name, found in findings.items()}
        lines = ["  ".join(f"{name} {count}" for name, count in counts.items())]
        return "\n".join(
            lines + [f"  {name}: {one}" for name, found in findings.items() for one in found[:FEW]]
        )


def judge(cluster: Cluster, placed: Mapping[tuple[int, int], Sent], regressed: list[str]) -> Verdict:
    """Compare. Every record must have been acknowledged by the workers already."""
    ledger = Ledger(frozenset(cluster.universe.symbols), nyse())
    for (_, offset), sent in placed.items():
        ledger.book(offset, sent)
    with consumer(cluster.settings) as reader:
        log = {
            (record.partition, record.offset): record.value for record in whole_topic(reader, topics.TICKS)
        }
        bars = [(one.key, one.value) for one in whole_topic(reader, topics.BARS)]
        dead = {dead_letter(one) for one in whole_topic(reader, topics.DEAD)}
    differs = {place for place, sent in placed.items() if log.get(place) != sent.value}
    lost, twice = compare_bars(ledger.final_bars(), bars)
    lost += [f"no dead letter: {one}" for one in sorted(ledger.dead - dead, key=str)]
    twice += [f"unexpected dead letter: {one}" for one in sorted(dead - ledger.dead, key=str)]
    return Verdict(
        ticks=ledger.ticks,
        records=len(placed),
        dead=len(ledger.dead),
        not_in_log=len(differs | (log.keys() - placed.keys())),
        lost=lost,
        twice=twice,
        regressed=regressed,
        different=[*_online(cluster, ledger.open_bars()), *_parity(cluster)],
    )


def compare_bars(
    expected: Mapping[bytes, Bar], found: list[tuple[bytes, bytes]]
) -> tuple[list[str], list[str]]:
    """What is missing and what is too much, over all versions of each bar; a repeated equal one is no harm."""
    lost, twice = [], []
    versions: dict[bytes, set[Bar]] = {}
    for key, value in found:
        versions.setdefault(key, set()).add(msgspec.json.decode(value, type=Bar))
    for key in sorted(expected.keys() | versions.keys()):
        wanted = expected.get(key)
        for bar in versions.get(key, {None}):
            if bar != wanted:
                short = wanted is not None and (bar is None or bar.ticks < wanted.ticks)
                (lost if short else twice).append(f"{bar} instead of {wanted}")
    return lost, twice


def dead_letter(record: Any) -> Dead:
    """What a record of `market.dead` says."""
    headers = {name: value.decode() for name, value in record.headers}
    place = int(headers["source_partition"]), int(headers["source_offset"]), headers["reason"]
    if headers["kind"] == "frame":
        return Dead(*place)
    tick = msgspec.json.decode(record.value, type=DeadTick)
    return Dead(*place, tick.symbol, tick.event_ms, tick.price)


def _online(cluster: Cluster, expected: Mapping[str, Bar]) -> list[str]:
    """Rows against the plain bars in progress; features themselves are the parity check's business."""
    rows = FeastReader(cluster.settings).read(cluster.universe.symbols)
    wrong = []
    for symbol in sorted(expected.keys() | rows.keys()):
        row, bar = rows.get(symbol), expected.get(symbol)
        found = row and (row.values["price"], row.event_ms, row.session_date, row.feed, row.spec_hash)
        wanted = bar and (bar.close, bar.close_event_ms, bar.session_date, FEED, spec_hash())
        if found != wanted:
            wrong.append(f"{symbol}: online {found} instead of {wanted}")
    return wrong


def _parity(cluster: Cluster) -> list[str]:
    verdicts = verify(cluster.settings, cluster.universe)
    return [str(one) for one in verdicts if not one.equal] or ([] if verdicts else ["no parity verdict"])
