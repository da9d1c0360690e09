"""Drift in words: the policy's own state is said, comparisons that only inform never raise an alarm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from dashboard import drift_state, models_view
from dashboard.events import DriftReport, News, absorb
from producers.topics import DRIFT
from stream_processors import drift as monitor
from stream_processors import feature_drift, policy
from tests.dashboard.stubs.market import UNIVERSE
from tests.dashboard.stubs.models import news, reported


def report(**given: Any) -> DriftReport:
    base = {"asset": "gold", "detector": "scale", "value": 2.1, "threshold": 5040.0, "alarm": False}
    return DriftReport(**{**base, "session_date": 20260730, "at_ms": 1, **given})


def sent(at_ms: int, state: policy.State, reason: str = "something happened") -> bytes:
    """A word of the policy as the monitor writes it."""
    return msgspec.json.encode(
        reported(
            asset="all",
            detector="policy",
            value=0.0,
            threshold=4.0,
            session_date=0,
            at_ms=at_ms,
            informs=True,
            policy={
                "name": state.name,
                "reason": reason,
                "event": msgspec.to_builtins(policy.Quality(1, "")),
                "state": msgspec.to_builtins(state),
                "request": "",
                "news_read": 3,
            },
        )
    )


def told(*reports: DriftReport) -> News:
    said = News()
    for one in reports:
        said = said.with_report(one)
    return said


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({}, []),
        ({"session": 100, "quiet_until": 121, "cooldown": 21}, ["not before 21 more sessions have closed."]),
        ({"session": 100, "quiet_until": 100, "cooldown": 21}, []),
        (
            {"session": 100, "quiet_until": 139, "cooldown": 42},
            ["not before 39 more sessions have closed (longer than usual, after a rejection)."],
        ),
        (
            {"job": "drift:9:v1", "job_reason": "drift"},
            ["A training is on its way, because the market drifted from its forecasts;"],
        ),
        (
            {"blocked": "gold has no price since 20260701"},
            ["(gold has no price since 20260701): no training"],
        ),
        (
            {"storm": True, "drift_trainings": (1, 2, 3, 4)},
            [f"Storm: 4 trainings within {policy.RULES.budget_sessions} sessions"],
        ),
        (
            {"streaks": {"all:level": 1}},
            ["All assets together, level of volatility: at the threshold for 1 of 2"],
        ),
        (
            {"blocked": "no price", "job": "drift:9:v1", "session": 100, "quiet_until": 101},
            ["no training is asked for", "A training is on its way", "not before 1 more session has closed"],
        ),
    ],
)
def test_the_policy_speaks_for_itself(state: dict[str, Any], expected: list[str]) -> None:
    said = absorb(news(), DRIFT, sent(5, policy.State(**state)))
    words = drift_state.words(said, UNIVERSE)
    assert words.startswith("No alarm: nothing shows yet")
    for part in expected:
        assert part in words


def test_the_newest_word_of_the_policy_holds_and_is_no_detector() -> None:
    said = News()
    for at_ms, left in ((5, 7), (4, 3), (6, 9), (6, 8)):
        state = policy.State(session=100, quiet_until=100 + left)
        said = absorb(said, DRIFT, sent(at_ms, state, f"quiet for {left}"))
    assert said.reports == {}
    assert "not before 8 more sessions" in drift_state.words(said, UNIVERSE)
    assert drift_state.last_word(said) == "Last decision: quiet for 8."
    assert drift_state.words(said, UNIVERSE).startswith("No session has been compared")


def test_the_rules_are_those_of_the_state() -> None:
    assert "for 21 sessions" in drift_state.rules(News())
    said = absorb(News(), DRIFT, sent(1, policy.State(rules=policy.Rules(cooldown=7, budget=9))))
    assert "for 7 sessions" in drift_state.rules(said)
    assert "At most 9" in drift_state.rules(said)
    assert drift_state.rules(said).startswith("An alarm in 2 sessions in a row asks for a retraining.")
    said = absorb(News(), DRIFT, sent(2, policy.State(rules=policy.Rules(consecutive=3))))
    assert drift_state.rules(said).startswith("An alarm in 3 sessions in a row asks")


def test_what_informs_is_never_an_alarm() -> None:
    informs = report(detector="size_psi", value=0.9, threshold=0.2, alarm=True, informs=True)
    said = told(report(), informs)
    assert drift_state.words(said, UNIVERSE).startswith("No alarm")
    assert drift_state.drift_line("gold", said) == (
        "no alarm in session 2026-07-30: size of the moves at 2.1, alarm from 5,040",
        False,
    )
    assert "size of the moves by PSI" not in str(models_view.meters(said, UNIVERSE))
    shown = str(models_view.informed(said, UNIVERSE))
    assert "size of the moves by PSI" in shown
    assert "alarm" not in shown
    assert [name for name, _, _ in models_view.drift_lines(said, UNIVERSE)] == ["Gold, size of the moves"]


def test_all_assets_together_have_a_meter_and_a_line() -> None:
    level = report(asset="all", detector="level", value=900.0, threshold=775.0, alarm=True)
    said = told(report(), level)
    assert drift_state.words(said, UNIVERSE).startswith("Alarm: All assets together.")
    assert "All assets together, level of volatility" in str(models_view.meters(said, UNIVERSE))
    names = [name for name, _, _ in models_view.drift_lines(said, UNIVERSE)]
    assert names == ["Gold, size of the moves", "All assets together, level of volatility"]
    assert drift_state.drift_line("all", said)[1] is True


def test_an_alarm_of_an_older_session_is_over() -> None:
    old = report(
        asset="all", detector="level", value=900.0, threshold=775.0, alarm=True, session_date=20260701
    )
    said = told(old, report())
    assert drift_state.words(said, UNIVERSE).startswith("No alarm")
    assert drift_state.drift_line("all", said)[1] is False
    assert "▲ alarm" not in str(models_view.meters(said, UNIVERSE))


def test_known_detectors_say_when_they_last_found_something() -> None:
    def adwin(date: int, alarm: bool) -> DriftReport:
        value = float(alarm)
        return report(
            detector="adwin", value=value, threshold=1.0, alarm=alarm, informs=True, session_date=date
        )

    said = told(adwin(20260728, alarm=False), adwin(20260729, alarm=True), adwin(20260730, alarm=False))
    assert drift_state.known_changes(said, UNIVERSE) == {("gold", "adwin"): (20260729, 3)}
    shown = str(models_view.known(said, UNIVERSE))
    assert "size of the moves by ADWIN" in shown
    assert "2026-07-29" in shown
    assert models_view.informed(said, UNIVERSE) is None
    assert models_view.known(News(), UNIVERSE) is None
    assert not drift_state.words(said, UNIVERSE).startswith("Alarm")


def test_words_without_reports() -> None:
    assert drift_state.words(News(), UNIVERSE).startswith("No session")
    assert drift_state.drift_line("gold", News()) == ("no report yet", False)
    assert models_view.informed(News(), UNIVERSE) is None
    assert drift_state.last_word(News()) == ""


@pytest.mark.parametrize(
    ("reports", "line", "alarm"),
    [
        ([report(asset="nasdaq")], "no report yet", False),
        (
            [report(detector="KS", threshold=5.0)],
            "no alarm in session 2026-07-30: KS at 2.1, alarm from 5",
            False,
        ),
        (
            [report(), report(detector="location", value=9_000.0, alarm=True)],
            "alarm in session 2026-07-30: direction of the moves at 9,000, alarm from 5,040",
            True,
        ),
        (
            [report(), report(detector="location", alarm=True, session_date=20260701)],
            "no alarm in session 2026-07-30: size of the moves at 2.1, alarm from 5,040",
            False,
        ),
        (
            [report(threshold=0.0)],
            "no alarm in session 2026-07-30: size of the moves at 2.1, alarm from 0",
            False,
        ),
    ],
)
def test_drift_line(reports: list[DriftReport], line: str, alarm: bool) -> None:
    assert drift_state.drift_line("gold", told(*reports)) == (line, alarm)


def test_the_slow_views_hear_of_every_report() -> None:
    said = told(report())
    assert said.with_report(report()) is said
    assert said.with_report(report(session_date=20260731)).revision > said.revision
    assert absorb(said, DRIFT, sent(3, policy.State())).revision > said.revision
    assert replace(said, status="away").revision == said.revision


def test_every_detector_of_the_monitor_has_words() -> None:
    judging = [*monitor.STATISTICS, monitor.LEVEL, monitor.LSTM_LOSS]
    looked = [f"{feature}_{distance}" for feature in ("move", "size") for distance in feature_drift.DISTANCES]
    for name in (*judging, *looked, "adwin", "page_hinkley"):
        assert drift_state.detector_name(name) != name
