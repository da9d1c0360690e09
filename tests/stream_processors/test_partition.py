"""A partition: duplicates, restarts at any moment, unknown symbols."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.features import FEATURES, NUMERIC_NAMES, SESSION_FEATURES
from producers.sessions import nyse
from producers.tick import TickFrame
from producers.universe import load_universe
from stream_processors import snapshots
from stream_processors.partition import EPOCHS_REMEMBERED, Partition, final_message, online_message
from tests.stubs import SESSION, close_ms, closes, frame, random_walk

UNIVERSE = load_universe()


def partition(log: str = "log:0") -> Partition:
    return Partition(0, log, UNIVERSE, nyse())


def stream(frames: int = 30, seed: int = 0) -> list[TickFrame]:
    """Frames of two symbols with a few sessions each; every fourth frame is sent twice."""
    rng = np.random.default_rng(seed)
    gold, nasdaq = random_walk(frames * 3, seed), random_walk(frames * 3, seed + 1)
    out, session = [], SESSION
    for seq in range(frames):
        n = int(rng.integers(1, 4))
        times = [close_ms(session + i) for i in range(n)]
        out.append(
            frame(
                seq=seq,
                symbols=["GC=F", "^IXIC"],
                symbol=[0, 1] * n,
                event_ms=[ms for ms in times for _ in range(2)],
                price=[price for i in range(n) for price in (gold[seq * 3 + i], nasdaq[seq * 3 + i])],
            )
        )
        if seq % 4 == 3:
            out.append(out[-1])
        session += n
    return out


def rows_of(part: Partition) -> dict[str, tuple[object, ...]]:
    return {row.symbol: row.values for row in part.online_rows({0, 1})}


def test_a_duplicate_frame_changes_nothing() -> None:
    part = partition()
    assert part.apply(frame(price=[100.0]), 0).applied == 1
    again = part.apply(frame(price=[100.0]), 1)
    assert again.duplicate
    assert again.applied == 0
    assert part.online_rows({0})[0].values[0] == 100.0


def test_another_epoch_starts_its_own_sequence() -> None:
    part = partition()
    part.apply(frame(), 0)
    later = [close_ms(SESSION + 1)]
    assert part.apply(frame(epoch="e2", price=[102.0], event_ms=later), 1).applied == 1


def test_duplicates_of_many_producers_are_told_apart() -> None:
    part, later = partition(), [close_ms(SESSION + 1)]
    first = [frame(epoch=f"e{number}", event_ms=later) for number in range(EPOCHS_REMEMBERED)]
    assert [part.apply(one, at).duplicate for at, one in enumerate(first)] == [False] * len(first)
    assert all(part.apply(one, len(first) + at).duplicate for at, one in enumerate(first))


def test_an_unknown_symbol_is_refused_alone() -> None:
    both = frame(symbols=["NOPE", "GC=F"], symbol=[0, 1], event_ms=[close_ms(SESSION)] * 2, price=[1.0, 2.0])
    outcome = partition().apply(both, 0)
    assert outcome.applied == 1
    assert [(reason, dead.symbol) for reason, dead in outcome.dead] == [("unknown_symbol", "NOPE")]


def test_a_replayed_duplicate_makes_no_dead_letters() -> None:
    both = frame(symbols=["NOPE", "GC=F"], symbol=[0, 1], event_ms=[close_ms(SESSION)] * 2, price=[1.0, 2.0])
    first = partition()
    assert len(first.apply(both, 0).dead) == 1
    assert first.apply(both, 1).duplicate
    restarted = partition()
    restarted.restore(first.snapshot(first.changed).items())
    assert restarted.apply(both, 1).dead == []
    assert restarted.apply(frame(symbols=["NOPE"], seq=1), 2).dead != []


def test_refused_ticks_carry_what_they_were() -> None:
    now = close_ms(SESSION)
    mixed = frame(price=[5.0, None, -2.0], event_ms=[now, now, now], symbol=[0, 0, 0])
    outcome = partition().apply(mixed, 0)
    assert [(reason, dead.price) for reason, dead in outcome.dead] == [
        ("bad_price", None),
        ("bad_price", -2.0),
    ]


@pytest.mark.parametrize(("symbol", "absurd"), [("^IRX", 1e200), ("^IRX", -1e200), ("GC=F", 1e300)])
def test_a_price_beyond_all_bounds_leaves_no_infinity_behind(symbol: str, absurd: float) -> None:
    part = partition()
    prices = [5.0 + 0.01 * (-1) ** i for i in range(100)]
    prices[10:12] = [absurd, absurd]
    outcome = part.apply(closes(prices, symbol, history=True), 0)
    assert [reason for reason, _ in outcome.dead] == ["bad_price", "bad_price"]
    rows = part.online_rows([0]).rows[0]
    assert np.isfinite(rows[: len(SESSION_FEATURES)]).sum() > 10
    assert not np.isinf(rows).any()
    assert np.isfinite(rows[len(NUMERIC_NAMES) :]).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.data())
def test_a_restart_at_any_moment_counts_every_record_once(seed: int, data: st.DataObject) -> None:
    frames = stream(seed=seed)
    straight = partition()
    for offset, one in enumerate(frames):
        straight.apply(one, offset)

    snapshot_at = data.draw(st.integers(0, len(frames) - 1), "snapshot after")
    committed = data.draw(st.integers(0, snapshot_at + 1), "first record replayed")
    part = partition()
    changelog: dict[bytes, bytes] = {}
    for offset in range(snapshot_at + 1):
        part.apply(frames[offset], offset)
        if offset == committed - 1:
            changelog |= part.snapshot(part.changed)
            part.changed = set()
    entries = list(part.snapshot(part.changed).items())
    torn = data.draw(st.integers(0, len(entries)), "entries written before the crash")
    changelog |= dict(entries[:torn])

    restarted = partition()
    restarted.restore(changelog.items())
    for offset in range(committed, len(frames)):
        restarted.apply(frames[offset], offset)
    assert rows_of(restarted) == rows_of(straight)


def test_a_frozen_predecessor_cannot_spoil_the_changelog_of_its_successor() -> None:
    frames = stream(seed=5)
    changelog: dict[bytes, bytes] = {}

    def write(entries: snapshots.Entries) -> None:
        for key, value in entries.items():
            changelog.pop(key, None)
            if value is not None:
                changelog[key] = value

    frozen = partition()
    for offset in range(10):
        frozen.apply(frames[offset], offset)
    write(frozen.snapshot(frozen.changed))
    for offset in range(10, 15):
        frozen.apply(frames[offset], offset)
    late = frozen.snapshot(frozen.changed)  # on its way when the process froze

    successor = partition()
    successor.restore(changelog.items())
    for offset in range(10, 25):
        successor.apply(frames[offset], offset)
    write(successor.snapshot(successor.changed))
    write(late)
    # What follows touches neither symbol: nothing repairs what `late` has written.
    write(successor.snapshot([]))

    third = partition()
    third.restore(changelog.items())
    assert third.next_offset == 25
    assert rows_of(third) == rows_of(successor)
    write(third.snapshot(third.changed))
    owners = {key.split(b"/")[1].partition(b".")[0] for key in changelog}
    assert owners == {b"3"}  # of the others nothing is left


def test_until_a_successor_has_written_everything_its_predecessor_counts() -> None:
    first = partition()
    first.apply(closes([100.0, 101.0]), 0)
    changelog = dict(first.snapshot(first.changed))
    second = partition()
    second.restore(changelog.items())
    second.apply(closes([102.0], first=SESSION + 2, seq=1), 1)
    torn = list(second.snapshot(second.changed).items())[:1]  # without the table of what was seen
    third = partition()
    third.restore([*changelog.items(), *torn])
    assert third.next_offset == 1
    assert rows_of(third)["GC=F"][0] == 101.0


def test_snapshots_of_another_log_or_layout_are_ignored() -> None:
    part = partition()
    part.apply(closes(random_walk(5)), 0)
    entries = part.snapshot({0})
    assert partition().restore(entries.items()) == 1
    assert partition("new log:0").restore(entries.items()) == 0
    assert partition().restore([(key, b"another!" + value[8:]) for key, value in entries.items()]) == 0


def test_messages_carry_the_row_by_name() -> None:
    part = partition()
    outcome = part.apply(closes(random_walk(300)), 0)
    assert [final.n_sessions for final in outcome.finals] == list(range(1, 300))
    final = final_message(outcome.finals[-1])
    assert final.final
    assert final.is_warm == 1
    assert final.session_close_ms == close_ms(SESSION + 298)
    assert final.window is not None
    row = part.online_rows({0})[0]
    message = online_message(row)
    assert message.n_sessions == 300
    assert message.values["price"] == row.values[0]
    assert {feature.name for feature in FEATURES} <= {
        *message.values,
        *(field.name for field in msgspec.structs.fields(message)),
    }


def test_many_symbols_share_a_partition() -> None:
    part = partition()
    symbols = UNIVERSE.symbols
    n = len(symbols)
    part.apply(
        frame(
            symbols=symbols,
            symbol=list(range(n)),
            event_ms=[close_ms(SESSION)] * n,
            price=[1.0 + i for i in range(n)],
        ),
        0,
    )
    assert [row.values[0] for row in part.online_rows(set(range(n)))] == pytest.approx(
        [1.0 + i for i in range(n)]
    )
