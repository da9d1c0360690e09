"""Presets and scaling to 100."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.allocation import presets, scale_to_100, total
from producers.universe import Universe
from tests.dashboard.stubs.market import UNIVERSE
from training.answer import ask

WEIGHTS = st.dictionaries(st.sampled_from("abcdefg"), st.floats(allow_nan=True), min_size=1)


@given(WEIGHTS)
def test_whatever_was_typed_sums_to_100_after_scaling(weights: dict[str, float]) -> None:
    scaled = scale_to_100(weights)
    assert scaled.keys() == weights.keys()
    assert math.fsum(scaled.values()) == pytest.approx(100, abs=1e-9)
    assert min(scaled.values()) >= 0


def test_proportions_are_kept() -> None:
    assert scale_to_100({"gold": 10.0, "cash": 30.0}) == {"gold": 25.0, "cash": 75.0}
    assert scale_to_100({"gold": -5.0, "cash": 2.0, "nasdaq": math.nan}) == {
        "gold": 0,
        "cash": 100,
        "nasdaq": 0,
    }
    assert scale_to_100({"gold": 0.0, "cash": 0.0}) == {"gold": 50.0, "cash": 50.0}
    assert scale_to_100({}) == {}


def test_every_preset_is_a_valid_question() -> None:
    ready = {preset.id: preset.weights for preset in presets(UNIVERSE)}
    assert set(ready) == {"equal", "deposit", "sixty", "three"}
    for weights in ready.values():
        ask(1000, weights, "3m", UNIVERSE)
    assert ready["sixty"] == {"gold": 0, "nasdaq": 0, "sp500": 60, "bitcoin": 0, "cash": 40}


def test_presets_fit_a_universe_without_deposit() -> None:
    assert [preset.id for preset in presets(Universe(UNIVERSE.asset[:2]))] == ["equal"]


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        ({"a": 20.0, "b": 70.0}, "90 %"),
        ({"a": 100.005}, "100 %"),
        ({"a": math.nan}, "not a number"),
        ({"a": math.inf, "b": -math.inf}, "not a number"),
        ({"a": 1e308, "b": 1e308}, "not a number"),
        ({}, "0 %"),
    ],
)
def test_total(weights: dict[str, float], text: str) -> None:
    assert total(weights) == text
