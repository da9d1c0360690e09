"""The forecast log, scored by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from producers.sessions import nyse
from tests.stubs import SESSION, date_of
from tests.training.stubs import forecast as logged
from training.forecast_log import Forecast
from training.horizons import LEVELS
from training.said_and_done import matured, scores


def forecast(**given: Any) -> Forecast:
    """Made at SESSION at price 100, with quantiles from -0.1 to 0.3 over 21 and 63 sessions."""
    quantiles = (0.4 * LEVELS - 0.1).tolist()
    made = {"session_date": date_of(SESSION), "horizons": [21, 63], "quantiles": [quantiles, quantiles]}
    return logged(**{**made, **given})


def test_a_horizon_is_scored_when_it_has_ended_with_the_last_close_before() -> None:
    closes = {"GC=F": {date_of(SESSION + 19): 95.0, date_of(SESSION + 30): 300.0}}
    (found,) = matured([forecast()], closes, nyse())  # the price at session 21 is that of 19
    assert (found.horizon, found.loss) == (21, True)
    assert found.prob_loss == pytest.approx(0.25)
    assert found.inside90
    assert not found.below05
    outcome = math.log(0.95)
    error = outcome - (0.4 * LEVELS - 0.1)
    integral = 2 * np.trapezoid(np.where(error > 0, LEVELS, LEVELS - 1) * error, LEVELS)
    assert found.crps == pytest.approx(integral, rel=0.03)


def test_nothing_is_scored_before_its_end_and_the_first_record_counts() -> None:
    early = {"GC=F": {date_of(SESSION + 20): 95.0}}
    assert matured([forecast()], early, nyse()) == []
    ended = {"GC=F": {date_of(SESSION + 21): 95.0}}
    again = forecast(model="v2", quantiles=[[1.0] * len(LEVELS)] * 2)
    (found,) = matured([forecast(), again], ended, nyse())
    assert found.model == "v1"
    assert matured([forecast(symbol="^IXIC")], ended, nyse()) == []


def test_an_outcome_is_of_one_past_whatever_was_adjusted_since() -> None:
    closes = {"GC=F": {date_of(SESSION): 50.0, date_of(SESSION + 21): 47.5}}  # a split; it was 100 then
    (found,) = matured([forecast()], closes, nyse())
    (whole,) = matured([forecast()], {"GC=F": {date_of(SESSION + 21): 95.0}}, nyse())
    assert found == whole


def test_we_said_and_it_happened() -> None:
    forecasts, closes = [], {"GC=F": {}}
    for number in range(8):
        made = SESSION + number
        forecasts.append(
            forecast(session_date=date_of(made), horizons=[21], quantiles=[(0.4 * LEVELS - 0.1).tolist()])
        )
        closes["GC=F"][date_of(made + 21)] = 99.0 if number < 3 else 101.0
    (score,) = scores(matured(forecasts, closes, nyse()))
    (said,) = score.said
    assert (said.happened, said.of) == (3, 8)
    assert (said.low, said.high) == (0.2, 0.3)
    assert said.said == pytest.approx(0.25)
    assert score.coverage90 == 1.0
