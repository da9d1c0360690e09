from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from producers.sessions import nyse
from producers.simulated_feed import OPEN_BEFORE_CLOSE_MS, SHOCK_AFTER, SHOCK_SESSIONS, SimulatedFeed
from producers.simulated_market import STEPS, SimulatedMarket
from producers.tick_batch import TickBatch
from producers.universe import load_universe

UNIVERSE = load_universe()
NOW_MS = int(nyse().close_ms[13_500])


def feed(seed: int = 1, shock: bool = False) -> SimulatedFeed:
    return SimulatedFeed(UNIVERSE, seed, 60, 10_000.0, shock, NOW_MS)


def log_returns(ticks: TickBatch, symbol: str) -> np.ndarray:
    return np.diff(np.log(ticks.price[ticks.symbol == symbol]))


def test_the_same_seed_gives_the_same_market_and_another_seed_another() -> None:
    one, two, other = (next(iter(feed(seed).history())) for seed in (1, 1, 2))
    assert np.array_equal(one.price, two.price)
    assert not np.array_equal(one.price, other.price)


def test_stylised_facts() -> None:
    history = next(iter(feed().history()))
    nasdaq, sp500 = log_returns(history, "^IXIC"), log_returns(history, "^GSPC")
    kurtosis = np.mean(nasdaq**4) / np.mean(nasdaq**2) ** 2
    clustering = np.corrcoef(np.abs(nasdaq[1:]), np.abs(nasdaq[:-1]))[0, 1]
    assert kurtosis > 4  # fat tails; 3 is Gaussian
    assert clustering > 0.05
    assert np.corrcoef(nasdaq, sp500)[0, 1] > 0.7
    assert abs(np.corrcoef(nasdaq[1:], nasdaq[:-1])[0, 1]) < 0.1  # returns themselves are not predictable
    assert 0.1 < sp500.std() * np.sqrt(252) < 0.3
    turbulent = [SimulatedMarket(UNIVERSE, 1).step(0).turbulent]
    market = SimulatedMarket(UNIVERSE, 1)
    turbulent = [market.step(index).turbulent for index in range(2000)]
    assert 0.05 < np.mean(turbulent) < 0.5


def test_weekends_and_coins() -> None:
    universe = load_universe()
    market = SimulatedMarket(universe, 3)
    first = 6_000
    price = np.array([market.step(first + i).price[-1] for i in range(6_000)])
    step = np.diff(np.log(price[:, :4]), axis=0)
    after_weekend = (np.diff(nyse().date[first : first + 6_000]).astype(int) >= 3)[:, None]
    spread = np.median(np.abs(np.where(after_weekend, step, np.nan))[after_weekend[:, 0]], axis=0)
    usual = np.median(np.abs(step[~after_weekend[:, 0]]), axis=0)
    assert 1.5 < (spread / usual)[3] < 2.0  # three days of bitcoin: the square root of three
    assert 1.0 < (spread / usual)[2] < 1.25


def test_as_many_ticks_as_asked_for_end_at_the_same_prices() -> None:
    source, many = feed(), SimulatedFeed(UNIVERSE, 1, 60, 10.0, now_ms=NOW_MS, ticks_per_s=50_000)
    coarse = list(itertools.islice(source.live({}), 26))
    fine: list[TickBatch] = []
    for ticks in many.live({}):
        fine.append(ticks)
        if int(ticks.event_ms[-1]) >= int(coarse[-1].event_ms[0]):
            break
    assert 4_500 <= sum(map(len, fine)) <= 5_500  # a tenth of a second's worth
    assert fine[-1].price[-len(UNIVERSE.asset) :].tolist() == coarse[-1].price.tolist()
    times = np.concatenate([ticks.event_ms for ticks in fine])
    assert (np.diff(times) >= 0).all()
    size = np.concatenate([ticks.size for ticks in fine if ticks.size is not None])
    symbol = np.concatenate([ticks.symbol for ticks in fine])
    assert np.isnan(size[symbol == "^IRX"]).all()
    assert (size[symbol != "^IRX"] > 0).mean() > 0.99


def test_live_ticks_follow_history_and_never_come_from_the_future() -> None:
    source = feed()
    last = int(next(iter(source.history())).event_ms.max())
    for ticks in itertools.islice(source.live({}), 200):
        assert int(ticks.event_ms.min()) > last
        last = int(ticks.event_ms.max())
        assert last <= NOW_MS
        assert (ticks.price[ticks.symbol != "^IRX"] > 0).all()


def test_a_feed_that_waits_for_the_clock_gives_empty_batches_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = itertools.count(NOW_MS / 1000 + 60, 0.25)  # the market has just closed
    monkeypatch.setattr(time, "time", lambda: next(clock))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    source = SimulatedFeed(UNIVERSE, 1, 0, 10_000.0, now_ms=NOW_MS + 60_000)
    batches = [len(ticks) for ticks in itertools.islice(source.live({"GC=F": NOW_MS}), 2 * STEPS)]
    assert batches == [0] * 2 * STEPS


def test_real_time_has_a_tick_of_every_asset_each_second(monkeypatch: pytest.MonkeyPatch) -> None:
    open_ms = int(nyse().close_ms[nyse().index_at(NOW_MS)]) - OPEN_BEFORE_CLOSE_MS
    clock = itertools.count(open_ms / 1000 + 60, 0.25)
    monkeypatch.setattr(time, "time", lambda: next(clock))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    source = SimulatedFeed(UNIVERSE, 1, 0, 10_000.0, now_ms=open_ms + 60_000)
    ticks = itertools.islice((part for part in source.live({}) if len(part)), 30)
    times = np.concatenate([np.unique(part.event_ms) for part in ticks])
    assert np.diff(times).tolist() == [1_000] * 29


def test_a_replay_that_goes_on_does_not_play_what_is_in_the_log() -> None:
    source, again = feed(), feed()
    for one in (source, again):
        list(one.history())
    played = list(itertools.islice(source.live({}), 26 * 5))
    after_ms = int(played[69].event_ms[0])  # in the middle of a session
    resumed = list(itertools.islice(again.live({"GC=F": after_ms}), 26 * 5 - 70))
    for found, expected in zip(resumed, played[70:], strict=True):
        for column in ("event_ms", "price", "size"):
            np.testing.assert_array_equal(getattr(found, column), getattr(expected, column))


def test_a_shock_is_a_crash() -> None:
    sessions = SHOCK_AFTER + SHOCK_SESSIONS

    def last_price(shock: bool) -> float:
        source = feed(shock=shock)
        list(source.history())
        ticks = list(itertools.islice(source.live({}), 26 * sessions))
        return float(ticks[-1].price[list(ticks[-1].symbol).index("^GSPC")])

    assert last_price(shock=True) < 0.8 * last_price(shock=False)
