"""The kernel against a naive oracle, and the properties that make backfill, stream and training set agree."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.features import NUMERIC_NAMES, ROW_SIZE, SESSION_FEATURES, WINDOW_CHANNELS, WINDOW_SESSIONS
from producers.sessions import nyse
from stream_processors.kernel import layout, roll
from tests.stream_processors import oracle
from tests.stubs import SESSION, close_ms, random_walk

GRACE_MS = layout.GRACE_MS
CLOSES = nyse().close_ms
NO_RATE = np.array([False])
RATE = np.array([True])


def run(
    ticks: list[tuple[int, float]],
    chunks: list[int] | None = None,
    is_rate: np.ndarray = NO_RATE,
    seen_ms: int = 2**52,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Feed (event_ms, price) in chunks. Returns outcome per tick, final bars, final rows, the open row."""
    states = layout.empty_states(1)
    sizes = chunks or [len(ticks)]
    outcomes, bars, rows = [], [], []
    rest = list(ticks)
    for offset, size in enumerate(sizes):
        part, rest = rest[:size], rest[size:]
        if not part:
            continue
        outcome, bar, row = roll.new_rows(len(part))
        n = roll.apply_ticks(
            states,
            is_rate,
            layout.WINDOWS,
            np.zeros(len(part), dtype=np.int64),
            np.array([ms for ms, _ in part], dtype=np.int64),
            np.array([price for _, price in part]),
            np.full(len(part), np.nan),
            CLOSES,
            seen_ms,
            offset,
            False,
            outcome,
            bar,
            row,
        )
        outcomes.append(outcome)
        bars.append(bar[:n])
        rows.append(row[:n])
    open_row = np.empty((1, ROW_SIZE))
    roll.read_rows(states, is_rate, layout.WINDOWS, np.zeros(1, dtype=np.int64), open_row)
    return np.concatenate(outcomes), np.concatenate(bars), np.concatenate(rows), open_row[0]


def daily(prices: list[float]) -> list[tuple[int, float]]:
    return [(close_ms(SESSION + i), price) for i, price in enumerate(prices)]


def numeric(row: np.ndarray) -> dict[str, float]:
    """The session features of a row."""
    return {feature.name: value for feature, value in zip(SESSION_FEATURES, row, strict=False)}


@pytest.mark.parametrize("n", [1, 2, 12, 15, 21, 26, 64, 85, 86, 253, 254, 600])
def test_the_open_row_equals_the_oracle(n: int) -> None:
    prices = random_walk(n, seed=n)
    _, _, _, row = run(daily(prices))
    expected = oracle.features(prices)
    for name, value in numeric(row).items():
        assert value == pytest.approx(expected[name], rel=1e-9, abs=1e-12, nan_ok=True), name
    window = oracle.window(prices)
    got = row[len(NUMERIC_NAMES) :]
    if window is None:
        assert np.isnan(got).all()
    else:
        assert got.reshape(WINDOW_SESSIONS, WINDOW_CHANNELS) == pytest.approx(window, rel=1e-9, abs=1e-12)


def test_every_final_row_equals_the_oracle_of_its_past() -> None:
    prices = random_walk(300, seed=3)
    _, bars, rows, _ = run(daily(prices))
    assert len(bars) == len(prices) - 1  # the last session is still open
    for i in (0, 30, 84, 252, 298):
        expected = oracle.features(prices[: i + 1])
        for name, value in numeric(rows[i]).items():
            assert value == pytest.approx(expected[name], rel=1e-9, abs=1e-12, nan_ok=True), (i, name)


def test_a_rate_may_be_zero_or_negative_and_its_returns_are_changes() -> None:
    prices = [2.0, 1.0, 0.0, -0.5, 0.25]
    outcome, _, _, row = run(daily(prices), is_rate=RATE)
    assert (outcome == layout.APPLIED).all()
    assert numeric(row)["log_return_1"] == pytest.approx(0.0075)
    expected = oracle.features(prices, is_rate=True)
    assert numeric(row)["drawdown_252"] == pytest.approx(expected["drawdown_252"])


def test_constant_prices_give_numbers_not_infinities() -> None:
    _, _, _, row = run(daily([100.0] * 300))
    assert np.isfinite([*numeric(row).values(), *row[len(NUMERIC_NAMES) :]]).all()
    assert numeric(row)["rsi_14"] == 50.0
    assert numeric(row)["bollinger_z"] == 0.0


def test_a_bar_has_the_open_high_low_close_and_count_of_its_session() -> None:
    start = close_ms(SESSION) - 3_600_000
    ticks = [(start + i, price) for i, price in enumerate([10.0, 14.0, 9.0, 11.0])]
    _, bars, _, _ = run([*ticks, (close_ms(SESSION + 1), 12.0)])
    bar = bars[0]
    assert bar[[layout.B_OPEN, layout.B_HIGH, layout.B_LOW, layout.B_CLOSE, layout.B_TICKS]].tolist() == [
        10.0,
        14.0,
        9.0,
        11.0,
        4.0,
    ]


@pytest.mark.parametrize(
    ("price", "after_ms", "reason"),
    [
        (0.0, 0, layout.BAD_PRICE),
        (-1.0, 0, layout.BAD_PRICE),
        (np.nan, 0, layout.BAD_PRICE),
        (np.inf, 0, layout.BAD_PRICE),
        (5.0, 6_000, layout.AHEAD),
        (5.0, -GRACE_MS - 1, layout.LATE),
        (5.0, -GRACE_MS, layout.APPLIED),
        (5.0, 5_000, layout.APPLIED),
    ],
)
def test_a_bad_tick_is_refused_alone(price: float, after_ms: int, reason: int) -> None:
    now = close_ms(SESSION) - 3_600_000
    outcome, _, _, row = run([(now, 10.0), (now + after_ms, price), (now + 1, 11.0)], seen_ms=now)
    assert outcome[1] == reason
    assert outcome[[0, 2]].tolist() == [layout.APPLIED] * 2
    assert row[0] == (5.0 if reason == layout.APPLIED and after_ms > 0 else 11.0)


def test_a_tick_after_the_last_known_session_is_ahead() -> None:
    outcome, _, _, _ = run([(int(CLOSES[-1]) + 1, 5.0)])
    assert outcome.tolist() == [layout.AHEAD]


def intraday(n: int, seed: int) -> list[tuple[int, float]]:
    """Increasing times with gaps of seconds to days, so sessions of many, one and no ticks occur."""
    rng = np.random.default_rng(seed)
    gaps = rng.choice([1, 900, 60_000, 3_600_000, 90_000_000, 400_000_000], n)
    times = close_ms(SESSION) + np.cumsum(gaps)
    return list(zip(times.tolist(), random_walk(n, seed), strict=True))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 60), min_size=1, max_size=30))
def test_chunking_does_not_matter(seed: int, sizes: list[int]) -> None:
    ticks = intraday(400, seed)
    chunks = [*sizes, max(0, len(ticks) - sum(sizes))]
    whole, parts = run(ticks), run(ticks, [size for size in chunks if size])
    for one, other in zip(whole, parts, strict=True):
        assert np.array_equal(one, other, equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_order_within_the_grace_does_not_matter(seed: int, random: object) -> None:
    ticks = intraday(200, seed)
    times = [ms for ms, _ in ticks]
    # Distinct times: among equal ones arrival order decides which is the newer, by definition.
    assert len(set(times)) == len(times)
    groups: list[list[tuple[int, float]]] = []
    for tick in ticks:
        if groups and tick[0] - groups[-1][0][0] <= GRACE_MS:
            groups[-1].append(tick)
        else:
            groups.append([tick])
    for group in groups:
        random.shuffle(group)  # type: ignore[attr-defined]  # hypothesis' Random
    outcome, bars, rows, row = run(ticks)
    shuffled = run(list(itertools.chain(*groups)))
    assert (shuffled[0] == layout.APPLIED).all()
    assert np.array_equal(rows, shuffled[2], equal_nan=True)
    assert np.array_equal(row, shuffled[3], equal_nan=True)
    without_open = [i for i in range(layout.FINAL_BAR_SIZE) if i != layout.B_OPEN]  # the first to arrive
    assert np.array_equal(bars[:, without_open], shuffled[1][:, without_open])
    assert (outcome == layout.APPLIED).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 399), st.floats(0.5, 2.0))
def test_the_future_changes_nothing_in_the_past(seed: int, at: int, factor: float) -> None:
    ticks = intraday(400, seed)
    other = ticks[:at] + [(ms, price * factor) for ms, price in ticks[at:]]
    _, bars, rows, _ = run(ticks)
    _, changed_bars, changed_rows, _ = run(other)
    before = int((bars[:, layout.B_SESSION] < np.searchsorted(CLOSES, ticks[at][0])).sum())
    assert np.array_equal(bars[:before], changed_bars[:before])
    assert np.array_equal(rows[:before], changed_rows[:before], equal_nan=True)


def test_every_symbol_may_end_two_sessions_in_one_record() -> None:
    symbols = 40
    states, rates = layout.empty_states(symbols), np.zeros(symbols, dtype=np.bool_)

    def feed(times: list[int], offset: int) -> int:
        """One tick per symbol at each of the times."""
        n = symbols * len(times)
        outcome, bars, rows = roll.new_rows(n)
        which = np.tile(np.arange(symbols, dtype=np.int64), len(times))
        at = np.repeat(np.array(times, dtype=np.int64), symbols)
        prices, sizes = np.full(n, 5.0), np.full(n, np.nan)
        arguments = (states, rates, layout.WINDOWS, which, at, prices, sizes, CLOSES, 2**52, offset, False)
        finals = roll.apply_ticks(*arguments, outcome, bars, rows)
        assert finals <= len(bars)
        assert (outcome == layout.APPLIED).all()
        return finals

    first = close_ms(SESSION)
    assert feed([first, first + 1_000], 0) == 0  # both sides of a close, within the grace: two pending bars
    assert feed([close_ms(SESSION + 1) + GRACE_MS + 1], 1) == 2 * symbols


def test_state_is_small() -> None:
    assert layout.STATE_SIZE * 8 <= 64 * 1024
