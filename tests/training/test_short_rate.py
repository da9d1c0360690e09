"""The short rate: a random walk whose spread is learned from its own past."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks.forecast.data import load
from producers.sessions import PER_YEAR
from producers.universe import load_universe
from training import short_rate
from training.horizons import FAN, LEVELS
from training.panel import Panel

BILLS = Path(__file__).parents[3] / "shared" / "data" / "tbill.csv"


def history(folder: Path, rate: np.ndarray) -> Panel:
    """A rate through the kernel, one value per session."""
    from producers.sessions import nyse

    days = nyse().date[2_000 : 2_000 + len(rate)]
    for name in ("tbill", "sp500"):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("date", "close"), *zip(map(str, days), rate, strict=True)])
    panel = load(folder, load_universe()).rate
    assert panel is not None
    return panel


def walk(n: int, step: float, seed: int = 0) -> np.ndarray:
    return 5 + np.cumsum(np.random.default_rng(seed).normal(0, step, n))


def test_its_interval_covers_what_came(tmp_path: Path) -> None:
    panel = history(tmp_path, walk(4_000, 0.01))
    past = panel.known_at(int(panel.session[1_500]))
    quantiles = np.stack(
        [
            short_rate.quantiles(short_rate.fit(past), panel.inputs[at : at + 1])
            for at in range(1_501, len(panel.session) - 126, 5)
        ]
    )
    outcome = panel.target[1_501 : len(panel.session) - 126 : 5][:, short_rate.FAN_COLUMNS]
    low, high = (quantiles[..., level == LEVELS][..., 0] for level in (0.05, 0.95))
    assert np.mean((low <= outcome) & (outcome <= high), axis=0)[:3] == pytest.approx(0.9, abs=0.06)


def test_its_direction_is_not_forecast(tmp_path: Path) -> None:
    falling = history(tmp_path, 12 - 0.002 * np.arange(3_000) + 0.1 * walk(3_000, 0.01))
    standardised = short_rate.fit(falling)
    assert standardised + standardised[:, ::-1] == pytest.approx(0, abs=1e-12)


def test_without_history_the_rate_stays() -> None:
    assert not short_rate.fit(None).any()


def test_a_rate_never_costs_the_saver() -> None:
    assert short_rate.levels(0.5, np.array([[-0.02, 0.01]])).tolist() == [[0.0, 1.5]]


def test_a_renewed_deposit_earns_the_rate_at_the_start_of_each_term() -> None:
    level = np.array([[2.0, 4.0, 4.0, 4.0, 4.0, 4.0]])
    term = FAN[0] / PER_YEAR / 100
    expected = np.cumprod([1 + rate * term for rate in (1.0, 2.0, 4.0, 4.0, 4.0, 4.0)])
    assert short_rate.growth(1.0, level, PER_YEAR)[0] == pytest.approx(expected)


@pytest.mark.skipif(not BILLS.is_file(), reason="the real rates are not beside the project")
def test_real_rates_fall_into_the_interval_about_as_often_as_said(tmp_path: Path) -> None:
    (tmp_path / "tbill.csv").write_bytes(BILLS.read_bytes())
    (tmp_path / "sp500.csv").write_bytes(BILLS.with_name("sp500.csv").read_bytes())
    panel = load(tmp_path, load_universe()).rate
    assert panel is not None
    inside = []
    for at in range(60, len(panel.session) - 7):  # quoted once a month
        fitted = short_rate.fit(panel.known_at(int(panel.session[at])))
        q = short_rate.quantiles(fitted, panel.inputs[at : at + 1])
        outcome = panel.target[at, short_rate.FAN_COLUMNS]
        inside.append((q[:, LEVELS == 0.05][:, 0] <= outcome) & (outcome <= q[:, LEVELS == 0.95][:, 0]))
    assert np.mean(inside, axis=0)[[2, 5]] == pytest.approx(0.9, abs=0.08)
