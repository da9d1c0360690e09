"""Intraday windows against the naive oracle, on streams with gaps, duplicates, late ticks and closes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.features import INTRADAY_FEATURES, ROW_SIZE, SESSION_FEATURES
from producers.sessions import nyse
from stream_processors.kernel import layout, roll
from tests.stream_processors import intraday_oracle as oracle
from tests.stream_processors.intraday_oracle import Tick
from tests.stubs import SESSION, close_ms

CLOSES = nyse().close_ms
GAPS_MS = np.array([0, 1, 7, 400, 1250, 6000, 45_000, 400_000, 7_000_000, 90_000_000, 400_000_000])


def stream(seed: int, n: int = 250) -> list[Tick]:
    """Ticks in event order: bursts, gaps from milliseconds to a long weekend, sizes for some."""
    rng = np.random.default_rng(seed)
    often = rng.dirichlet(np.full(len(GAPS_MS), 0.4))
    at = close_ms(SESSION) - 3_600_000 + np.cumsum(rng.choice(GAPS_MS, n, p=often))
    price = 100 * np.exp(np.cumsum(0.001 * rng.standard_normal(n)))
    size = [None if rng.random() < 0.3 else float(rng.integers(0, 50)) for _ in range(n)]
    return [Tick(int(a), float(p), s) for a, p, s in zip(at, price, size, strict=True)]


def run(ticks: list[Tick], is_rate: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Outcome per tick, final bars, final rows, the open row."""
    states, rates = layout.empty_states(1), np.array([is_rate])
    outcome, bars, rows = roll.new_rows(len(ticks))
    finals = roll.apply_ticks(
        states,
        rates,
        layout.WINDOWS,
        np.zeros(len(ticks), dtype=np.int64),
        np.array([tick.event_ms for tick in ticks], dtype=np.int64),
        np.array([tick.price for tick in ticks]),
        np.array([np.nan if tick.size is None else tick.size for tick in ticks]),
        CLOSES,
        2**52,
        0,
        False,
        outcome,
        bars,
        rows,
    )
    open_row = np.empty((1, ROW_SIZE))
    roll.read_rows(states, rates, layout.WINDOWS, np.zeros(1, dtype=np.int64), open_row)
    return outcome, bars[:finals], rows[:finals], open_row[0]


def intraday(row: np.ndarray) -> dict[str, float]:
    values = row[len(SESSION_FEATURES) : len(SESSION_FEATURES) + len(INTRADAY_FEATURES)]
    return {feature.name: value for feature, value in zip(INTRADAY_FEATURES, values, strict=True)}


def shuffled_within_grace(ticks: list[Tick], seed: int) -> list[Tick]:
    """Every tick delayed by up to the grace: what a reordering network does."""
    rng = np.random.default_rng(seed)
    arrival = [tick.event_ms + rng.uniform(0, layout.GRACE_MS) for tick in ticks]
    return [ticks[i] for i in np.argsort(arrival, kind="stable")]


def assert_equal(got: dict[str, float], expected: dict[str, float], where: object = "") -> None:
    for name, value in expected.items():
        assert got[name] == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True), (name, where)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 250), st.booleans())
def test_the_open_row_equals_the_oracle(seed: int, n: int, is_rate: bool) -> None:
    ticks = stream(seed, n)
    outcome, _, _, row = run(ticks, is_rate)
    assert (outcome == layout.APPLIED).all()
    assert_equal(intraday(row), oracle.features(ticks, ticks[-1].event_ms, is_rate))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000))
def test_a_final_row_is_as_of_its_close_whatever_came_after(seed: int) -> None:
    ticks = stream(seed)
    _, bars, rows, _ = run(ticks)
    for bar, row in zip(bars, rows, strict=True):
        close = int(CLOSES[int(bar[layout.B_SESSION])])
        assert_equal(intraday(row), oracle.features(ticks, close), close)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000), st.integers(0, 100))
def test_arrival_order_within_the_grace_does_not_matter(seed: int, shuffle: int) -> None:
    # Distinct times: among equal ones arrival decides which is the newer, by definition.
    ticks = list({tick.event_ms: tick for tick in stream(seed)}.values())
    _, _, rows, row = run(ticks)
    outcome, _, other_rows, other = run(shuffled_within_grace(ticks, shuffle))
    assert (outcome == layout.APPLIED).all()
    for one, another in ((row, other), *zip(rows, other_rows, strict=True)):
        got, expected = intraday(another), intraday(one)
        for name, value in expected.items():
            # Sums of sizes depend on the order of addition, in the last bits.
            tolerance = 1e-12 if name.startswith("vwap") else 0.0
            assert got[name] == pytest.approx(value, rel=tolerance, abs=0.0, nan_ok=True), name


def test_after_ten_million_milliseconds_of_ticks_no_drift_is_left() -> None:
    # Prices of 1e9 first, then of 1e-3: a running sum would keep the rounding of the large ones for ever.
    start = close_ms(SESSION) - 10_000_000
    big = [Tick(start + i * 50, 1e9 + i, 1e6) for i in range(100_000)]
    small = [Tick(start + 5_000_000 + i * 50, 1e-3 * (1 + i % 7), 0.5) for i in range(99_000)]
    _, _, _, row = run(big + small)
    expected = oracle.features(small, small[-1].event_ms)
    for label in ("1m", "5m", "15m", "1h"):
        for name in ("log_return", "realised_volatility", "range", "vwap"):
            assert intraday(row)[f"{name}_{label}"] == pytest.approx(expected[f"{name}_{label}"], rel=1e-12)


def test_nothing_is_warm_before_its_window_has_passed() -> None:
    start = close_ms(SESSION) - 3_600_000
    ticks = [Tick(start + second * 1000, 100.0 + second) for second in range(120)]
    row = intraday(run(ticks)[3])
    assert np.isfinite([row["log_return_1m"], row["ema_1m"], row["range_1m"], row["tick_rate_1m"]]).all()
    assert np.isnan([row[f.name] for f in INTRADAY_FEATURES if f.window != "1m"]).all()
    assert row["tick_rate_1m"] == pytest.approx(1.0, abs=0.02)
    assert np.isnan(row["vwap_1m"])  # no sizes


def test_after_a_night_a_minutes_return_has_no_value_but_a_days_has() -> None:
    close = close_ms(SESSION)
    evening = [Tick(close - 60_000 * i, 100.0) for i in range(3000, 0, -1)]
    row = intraday(run([*evening, Tick(close_ms(SESSION + 1), 110.0)])[3])
    assert np.isnan([row["log_return_1m"], row["log_return_1h"], row["realised_volatility_15m"]]).all()
    assert row["log_return_1d"] == pytest.approx(np.log(1.1))
    assert row["range_1m"] == 0.0


def test_bad_sizes_are_refused_alone() -> None:
    start = close_ms(SESSION) - 3_600_000
    outcome, _, _, row = run(
        [
            Tick(start, 10.0, 1.0),
            Tick(start + 1, 99.0, -1.0),
            Tick(start + 2, 99.0, np.inf),
            Tick(start + 2, 99.0, 1e200),
            Tick(start + 3, 11.0, 0.0),
        ]
    )
    assert outcome.tolist() == [layout.APPLIED, *[layout.BAD_SIZE] * 3, layout.APPLIED]
    assert row[0] == 11.0


def test_every_close_is_the_end_of_a_tile_of_every_window() -> None:
    assert (CLOSES[:, None] % layout.WINDOWS[None, :, 0] == 0).all()
