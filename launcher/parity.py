"""`allocast verify parity`: is what the stream wrote what a clean replay of the log computes?

What the stream claims is read first: the rows online, open and final rows on `features.rolling`, the rows of
the offline store, the bars. Every open row says which offset of the log it contains. Then the log is replayed
once, and each claim is compared, bit for bit, with the state of a fresh kernel at exactly that moment. Prices
go on moving meanwhile; that changes nothing.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from typing import Any

import msgspec

from feature_repo.features import FEATURES
from launcher import claims
from launcher.claims import ClosedRow, OpenRow, Values, differences
from launcher.replay import Replay
from producers import topics
from producers.errors import FixAndRestart
from producers.settings import Settings
from producers.tick import partition_of
from producers.universe import Universe
from stream_processors.partition import Final, Partition, final_message

DURABLE = {"offline", topics.BARS}  # what must hold every session that was acknowledged
MAX_NAMED = 20  # differences that are named per symbol


class Verdict(msgspec.Struct, frozen=True):
    """Of one symbol."""

    symbol: str
    equal: bool
    compared: dict[str, int]  # how many rows of each source
    not_in_log: int  # closed rows of sessions that the log does not hold (any more)
    different: list[str]  # "source moment: feature, feature"; empty when all are equal


class _Account:
    """What was found about one symbol so far."""

    def __init__(self) -> None:
        self.compared: dict[str, int] = defaultdict(int)
        self.different: list[str] = []
        self.not_in_log = 0

    def compare(self, source: str, moment: str, found: Values, expected: Values) -> None:
        self.compared[source] += 1
        if (names := differences(found, expected)) and len(self.different) < MAX_NAMED:
            self.different.append(f"{source} {moment}: {', '.join(names)}")


def verify(settings: Settings, universe: Universe) -> list[Verdict]:
    """Compare everything that is derived from the log, per symbol.

    Raises FixAndRestart when the log no longer holds its beginning: then there is nothing to compare with.
    """
    # Importing Feast switches on the deprecation warnings of every library.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    replay = Replay(settings, universe)
    acknowledged = replay.acknowledged()  # before the claims are read: what it covers must be among them
    open_rows, closed = _claims(settings, universe, replay)
    accounts: dict[str, _Account] = defaultdict(_Account)
    for number in replay.partitions:
        _compare_partition(
            replay, number, acknowledged.get(number, 0), open_rows[number], closed[number], accounts
        )
    replay.close()
    return [
        Verdict(symbol, not one.different, dict(one.compared), one.not_in_log, one.different)
        for symbol, one in sorted(accounts.items())
    ]


_Open = dict[int, list[OpenRow]]  # by offset
_Closed = dict[tuple[str, int], list[ClosedRow]]  # by symbol and session


def _claims(
    settings: Settings, universe: Universe, replay: Replay
) -> tuple[dict[int, _Open], dict[int, _Closed]]:
    """Claims by partition."""
    open_rows: dict[int, _Open] = {number: defaultdict(list) for number in replay.partitions}
    closed: dict[int, _Closed] = {number: defaultdict(list) for number in replay.partitions}

    def number_of(symbol: str) -> int:
        return partition_of(symbol, len(replay.partitions))

    for log, row in claims.online(settings, universe.symbols):
        if log != replay.log(number_of(row.symbol)):
            raise FixAndRestart(
                f"{row.symbol}: the row online comes from another log ({log}); is the worker running?"
            )
        open_rows[number_of(row.symbol)][row.offset].append(row)
    for claim in (*claims.rolling(settings), *claims.offline(settings.offline_dir), *claims.bars(settings)):
        number = number_of(claim.symbol)
        if isinstance(claim, OpenRow):
            open_rows[number][claim.offset].append(claim)
        else:
            closed[number][claim.symbol, claim.session_date].append(claim)
    return open_rows, closed


def _compare_partition(
    replay: Replay,
    number: int,
    acknowledged: int,
    open_rows: _Open,
    closed: _Closed,
    accounts: dict[str, _Account],
) -> None:
    ended: dict[tuple[str, int], dict[int, Final]] = defaultdict(dict)  # by the record that ended the session
    # The newest closed row may come from a later record than the newest open one: on to the end of the log.
    for offset, partition, finals in replay.run(number, replay.end(number) - 1):
        for claim in open_rows.pop(offset, ()):
            accounts[claim.symbol].compare(
                claim.source, f"@{offset}", claim.values, _open_values(partition, claim)
            )
        for final in finals:
            # A past that was published again ends the same sessions once more; the latest replaces the others.
            ended[final.bar.symbol, final.bar.session_date][offset] = final
    for (symbol, session), versions in ended.items():
        account, last = accounts[symbol], max(versions)
        rows = closed.pop((symbol, session), [])
        for row in rows:
            final = versions.get(row.values.get("source_offset", last), versions[last])
            account.compare(row.source, str(session), row.values, _closed_values(row, final))
        if last < acknowledged:
            missing = DURABLE - {row.source for row in rows}
            account.different += [f"{source} {session}: missing" for source in sorted(missing)]
    for offset, left in open_rows.items():
        for claim in left:
            accounts[claim.symbol].different.append(f"{claim.source} @{offset}: the log does not hold it")
    for left_rows in closed.values():
        for row in left_rows:
            accounts[row.symbol].not_in_log += 1


def _open_values(partition: Partition, claim: OpenRow) -> Values:
    row = partition.online_row(claim.symbol)
    if row is None or row.offset != claim.offset:
        return {"offset": claim.offset}  # this record did not touch the symbol
    return {feature.name: value for feature, value in zip(FEATURES, row.values, strict=True)}


def _closed_values(row: ClosedRow, final: Final) -> Values:
    if row.source == topics.BARS:
        expected: dict[str, Any] = msgspec.structs.asdict(final.bar)
        return expected
    return claims.values_of_message(final_message(final))
