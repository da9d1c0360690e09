"""The quality gate: jumps wait for the next tick, splits for a history, and a replay decides as before."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.sessions import nyse
from producers.tick import Mark, TickFrame
from producers.universe import load_universe
from stream_processors.partition import Outcome, Partition
from tests.stubs import SESSION, close_ms, closes, frame, random_walk

CALM = [100.0 + (-1) ** i for i in range(60)]  # returns of about 2 % around 100
FIRST = SESSION + len(CALM)
OPEN_MS = close_ms(FIRST) - 3_600_000


class Feeding:
    """A partition with a calm history, to which single live ticks are sent."""

    def __init__(self, prices: list[float] = CALM, symbol: str = "GC=F") -> None:
        self.partition = Partition(0, "log:0", load_universe(), nyse())
        self.symbol, self.sent = symbol, [closes(prices, symbol, history=True)]
        self.partition.apply(self.sent[0], 0)

    def tick(self, price: float, at_ms: int | None = None, **given: object) -> Outcome:
        n = len(self.sent)
        at_ms = OPEN_MS + n * 1000 if at_ms is None else at_ms
        one = frame(symbols=[self.symbol], symbol=[0], price=[price], event_ms=[at_ms], seq=n, **given)
        return self.add(one)

    def add(self, one: TickFrame) -> Outcome:
        self.sent.append(one)
        return self.partition.apply(one, len(self.sent) - 1)

    @property
    def price(self) -> float:
        row = self.partition.online_row(self.symbol)
        assert row is not None
        return float(row.values[0])  # type: ignore[arg-type]  # the first feature is the price

    def reasons(self, outcome: Outcome) -> list[str]:
        return [reason for reason, _ in outcome.dead]


def test_a_spike_is_held_and_forgotten_when_the_next_tick_contradicts_it() -> None:
    feeding = Feeding()
    assert feeding.tick(100.5).applied == 1
    spike = feeding.tick(137.0)
    assert feeding.reasons(spike) == ["jump"]
    assert spike.dead[0][1].price == 137.0
    assert feeding.price == 100.5
    after = feeding.tick(100.6)
    assert (after.applied, after.released) == (1, 0)
    assert feeding.price == 100.6


def test_a_crash_counts_once_the_next_tick_confirms_it() -> None:
    feeding = Feeding()
    feeding.tick(100.5)
    assert feeding.reasons(feeding.tick(61.0)) == ["jump"]
    confirmed = feeding.tick(61.5)
    assert (confirmed.applied, confirmed.released) == (2, 1)
    assert feeding.price == 61.5
    bars = feeding.tick(61.7, close_ms(FIRST + 1)).finals
    assert (bars[-1].bar.low, bars[-1].bar.ticks) == (61.0, 3)  # the held one has its place in the bar


def test_two_spikes_in_different_directions_confirm_nothing() -> None:
    feeding = Feeding()
    feeding.tick(100.5)
    assert feeding.reasons(feeding.tick(137.0)) == ["jump"]
    assert feeding.reasons(feeding.tick(61.0)) == ["jump"]
    assert feeding.price == 100.5


def test_a_move_of_many_sessions_is_judged_by_their_number() -> None:
    feeding = Feeding()
    assert feeding.reasons(feeding.tick(125.0)) == ["jump"]
    assert Feeding().tick(125.0, close_ms(FIRST + 20)).applied == 1


@pytest.mark.parametrize("factor", [0.5, 0.1, 0.01, 3.0, 100.0])
def test_a_split_or_a_change_of_unit_is_not_confirmed_by_repetition(factor: float) -> None:
    feeding = Feeding()
    for _ in range(3):
        assert feeding.reasons(feeding.tick(100.0 * factor)) == ["split_like"]
    past = [price * factor for price in CALM]
    restarted = closes(past, history=True, restart=[0], seq=len(feeding.sent))
    assert feeding.add(restarted).applied == len(past)
    assert feeding.tick(100.2 * factor).applied == 1


def test_a_halved_price_that_stays_for_a_whole_session_counts() -> None:
    feeding = Feeding()
    feeding.tick(100.5)
    assert feeding.reasons(feeding.tick(50.0)) == ["split_like"]
    assert feeding.reasons(feeding.tick(50.1, close_ms(FIRST) + 60_000)) == ["split_like"]  # after the close
    assert feeding.reasons(feeding.tick(49.9, close_ms(FIRST + 1) - 1_000)) == ["split_like"]
    confirmed = feeding.tick(50.05, close_ms(FIRST + 1))
    assert (confirmed.applied, confirmed.released) == (
        2,
        1,
    )  # its first price is in the session in which it began
    assert feeding.price == 50.05


def test_a_spell_of_another_unit_that_ended_confirms_no_later_one() -> None:
    for ends in ({}, {"settled": True}, {"history": True}):
        feeding = Feeding()
        feeding.tick(50.0)
        assert feeding.tick(100.1, close_ms(FIRST), **ends).applied == 1
        assert feeding.reasons(feeding.tick(50.0, close_ms(FIRST + 1))) == ["split_like"]


def test_a_price_beside_the_ratio_of_a_split_is_confirmed_by_its_like_alone() -> None:
    feeding = Feeding()
    feeding.tick(100.5)
    assert feeding.reasons(feeding.tick(50.0)) == ["split_like"]
    assert feeding.reasons(feeding.tick(52.0)) == ["jump"]
    assert feeding.tick(52.1).released == 1


def test_no_session_of_official_closes_is_lost() -> None:
    feeding, prices = Feeding(), [50.0, 100.0, 137.0, 61.0, 61.0]
    outcome = feeding.add(closes(prices, first=FIRST, settled=True, seq=1))
    assert (outcome.applied, outcome.dead) == (5, [])
    assert [final.bar.close for final in outcome.finals][-4:] == prices[:4]
    assert not any(final.bar.history for final in outcome.finals[-4:])


def test_a_rate_near_zero_has_no_ratio() -> None:
    feeding = Feeding([0.05 + 0.01 * (-1) ** i for i in range(60)], "^IRX")
    assert feeding.tick(0.1).applied == 1
    assert feeding.reasons(feeding.tick(5.2)) == ["jump"]
    assert feeding.tick(5.21).released == 1


def test_a_short_history_and_a_history_frame_are_not_gated() -> None:
    assert Feeding(CALM[:10]).tick(300.0).applied == 1
    feeding = Feeding()
    assert feeding.tick(137.0, history=True).applied == 1


def test_marked_ticks_are_refused_by_their_mark_or_pass() -> None:
    feeding = Feeding()
    kept = feeding.tick(100.2, marks=[int(Mark.PRE_MARKET)])
    assert kept.applied == 1
    for mark in (Mark.OUT_OF_SESSION, Mark.STALE, Mark.UNIT_CHANGED):
        assert feeding.reasons(feeding.tick(100.3, marks=[int(mark)])) == [mark.name.lower()]
    assert feeding.price == 100.2


def test_a_past_that_begins_anew_replaces_the_old_one_and_is_shown_when_complete() -> None:
    feeding = Feeding()
    feeding.tick(100.5)
    feeding.partition.dirty = set()
    past = random_walk(61, 3)
    half = closes(past[:40], history=True, restart=[0], seq=2)
    feeding.add(half)
    assert feeding.partition.dirty == set()  # an old price must not be read as today's
    feeding.add(closes(past[40:], first=SESSION + 40, history=True, seq=3))
    assert feeding.partition.dirty == {0}
    alone = Feeding(past)
    row, other = feeding.partition.online_row("GC=F"), alone.partition.online_row("GC=F")
    assert row is not None
    assert other is not None
    assert row.values[: len(row.values) - 8] == other.values[: len(other.values) - 8]  # all but provenance


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([100.0, 100.4, 137.0, 136.0, 61.0, 61.4, 50.0]), max_size=30), st.data())
def test_a_restart_at_any_moment_decides_as_before(prices: list[float], data: st.DataObject) -> None:
    feeding = Feeding()
    outcomes = [feeding.tick(price) for price in prices]
    stop = data.draw(st.integers(1, len(feeding.sent)), "records before the restart")
    first = Partition(0, "log:0", load_universe(), nyse())
    for offset in range(stop):
        first.apply(feeding.sent[offset], offset)
    second = Partition(0, "log:0", load_universe(), nyse())
    second.restore(first.snapshot(first.changed).items())
    for offset in range(stop - 1, len(feeding.sent)):
        again = second.apply(feeding.sent[offset], offset)
        if offset >= stop:
            assert [reason for reason, _ in again.dead] == [r for r, _ in outcomes[offset - 1].dead]
    assert second.online_row("GC=F") == feeding.partition.online_row("GC=F")
