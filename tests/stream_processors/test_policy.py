"""The policy: every transition by name, and what no sequence of events may lead to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processors.policy import (
    RULES,
    Asked,
    Ended,
    Event,
    Quality,
    Reading,
    Ruled,
    Rules,
    Served,
    Spec,
    State,
    Step,
    step,
)

D = "gold:scale"
HIGH = Reading(100, D, above=True)


def state(**given: Any) -> State:
    """Model m1 has been forecasting since session 90; it is session 100."""
    return State(
        **{"session": 100, "model": "m1", "model_since": 90, "model_spec": "s", "spec": "s", **given}
    )


ONCE = {D: 1}
HALF_DAY = 12 * 3_600_000
EAGER = Rules(consecutive=1, cooldown=5)
TRANSITIONS: list[tuple[str, State, Event, str, str | None, str]] = [
    # what happens, before, event, name of the state after, reason of a request, in the words said
    ("one alarm", state(), HIGH, "suspected", None, "for 1 session"),
    ("two alarms", state(streaks=ONCE), HIGH, "training", "drift", "for 2 sessions"),
    ("an alarm of another detector", state(streaks={"x": 1}), HIGH, "suspected", None, "for 1 session"),
    ("an alarm passes", state(streaks=ONCE), Reading(100, D, above=False), "watching", None, "below"),
    ("nothing", state(), Reading(100, D, above=False), "watching", None, ""),
    ("in cooldown", state(streaks=ONCE, quiet_until=101), HIGH, "cooldown", None, "quiet until session 101"),
    ("after cooldown", state(streaks=ONCE, quiet_until=100), HIGH, "training", "drift", "asking"),
    ("in flight", state(streaks=ONCE, job="k"), HIGH, "training", None, "k is in flight"),
    ("bad data", state(streaks=ONCE, blocked="holes"), HIGH, "blocked", None, "blocked: holes"),
    (
        "over the budget",
        state(streaks=ONCE, drift_trainings=(60, 70, 80, 90)),
        HIGH,
        "training",
        "storm",
        "changed nothing",
    ),
    ("within the budget", state(streaks=ONCE, drift_trainings=(70, 80, 90)), HIGH, "training", "drift", ""),
    (
        "the budget forgets",
        state(streaks=ONCE, drift_trainings=(-26, 70, 80, 90)),
        HIGH,
        "training",
        "drift",
        "",
    ),
    (
        "in a storm",
        state(streaks=ONCE, storm=True, drift_trainings=(60, 70, 80, 90)),
        HIGH,
        "storm",
        None,
        "storm",
    ),
    (
        "a storm passes",
        state(storm=True, drift_trainings=(-25, 70, 80, 90)),
        Reading(101, D, above=False),
        "watching",
        None,
        "storm is over",
    ),
    ("a new model", state(streaks=ONCE), Served(100, "m2", "s"), "watching", None, "m2 forecasts"),
    ("the same model", state(), Served(100, "m1", "s"), "watching", None, ""),
    (
        "an old model",
        state(model_since=37),
        Served(100, "m1", "s", HALF_DAY),
        "training",
        "schedule",
        "63 ses",
    ),
    ("old in a replay", state(model_since=37), Served(100, "m1", "s", HALF_DAY - 1), "watching", None, ""),
    ("an old model in a replay alarms", state(model_since=37, streaks=ONCE), HIGH, "training", "drift", ""),
    ("new rules", state(), Ruled(100, EAGER), "watching", None, "consecutive is 1, cooldown is 5"),
    ("the same rules", state(), Ruled(100, RULES), "watching", None, ""),
    ("by the new rules", state(rules=EAGER), HIGH, "training", "drift", "for 1 session"),
    (
        "an old model in cooldown",
        state(model_since=37, quiet_until=110),
        Served(100, "m1", "s"),
        "cooldown",
        None,
        "",
    ),
    ("another spec", state(), Spec(100, "t"), "training", "spec", "features are t"),
    ("the same spec", state(), Spec(100, "s"), "watching", None, ""),
    ("data turn bad", state(), Quality(100, "holes"), "blocked", None, "holes"),
    ("data turn good", state(blocked="holes"), Quality(100, ""), "watching", None, "good again"),
    ("somebody asks", state(), Asked(100, "k", "manual"), "training", None, "training k (manual)"),
    ("our own is taken up", state(job="k"), Asked(100, "k", "drift"), "training", None, ""),
    ("somebody asks in between", state(job="k"), Asked(100, "l", "manual"), "training", None, "waits"),
    ("promoted", state(job="k"), Ended(100, "k", "promoted"), "cooldown", None, "quiet for 21"),
    ("rejected", state(job="k"), Ended(100, "k", "rejected"), "cooldown", None, "quiet for 42"),
    ("again", state(job="k", cooldown=42), Ended(100, "k", "rejected"), "cooldown", None, "for 84"),
    ("and again", state(job="k", cooldown=84), Ended(100, "k", "rejected"), "cooldown", None, "for 126"),
    ("then promoted", state(job="k", cooldown=84), Ended(100, "k", "promoted"), "cooldown", None, "for 21"),
    ("failed", state(job="k", cooldown=84), Ended(100, "k", "failed"), "cooldown", None, "quiet for 21"),
    ("kept", state(job="k"), Ended(100, "k", "kept"), "cooldown", None, "kept"),
    (
        "the first model",
        state(job="k", job_reason="history"),
        Ended(100, "k", "promoted"),
        "watching",
        None,
        "promoted",
    ),
    (
        "a new start does not end a cooldown",
        state(job="k", job_reason="history", cooldown=84, quiet_until=180),
        Ended(100, "k", "kept"),
        "cooldown",
        None,
        "kept",
    ),
    (
        "an alarm stood while the first model was trained",
        step(state(streaks=ONCE, job="k", job_reason="history"), Ended(100, "k", "promoted")).state,
        HIGH,
        "training",
        "drift",
        "for 2 sessions",
    ),
    ("another ended", state(job="k"), Ended(100, "l", "promoted"), "training", None, ""),
    ("rolled back", state(), Ended(100, "k", "rolled_back"), "cooldown", None, "quiet for 42"),
    ("rolled back in between", state(job="l"), Ended(100, "k", "rolled_back"), "training", None, "for 42"),
]


@pytest.mark.parametrize(
    ("before", "event", "name", "request_reason", "words"),
    [row[1:] for row in TRANSITIONS],
    ids=[row[0] for row in TRANSITIONS],
)
def test_every_transition(
    before: State, event: Event, name: str, request_reason: str | None, words: str
) -> None:
    found = step(before, event)
    assert found.state.name == name
    assert (found.request.reason if found.request else None) == request_reason
    assert words in found.reason
    assert bool(found.reason) or found.state == before or not words
    if found.request:
        assert found.state.job == found.request.key


def test_a_session_in_the_past_counts_as_now() -> None:
    found = step(state(quiet_until=101, streaks=ONCE), Reading(5, D, above=True))
    assert found.state.session == 100
    assert found.request is None


def test_trainings_that_change_nothing_end_in_a_storm() -> None:
    """An alarm in every session, and every retrained model is promoted: the brake must be reached."""
    now, asked = state(), []
    for session in range(100, 600):
        found = step(now, Reading(session, D, above=True))
        now = found.state
        if found.request is not None:
            asked.append(found.request.reason)
            now = step(now, Ended(session + 1, found.request.key, "promoted")).state
    assert asked[: RULES.budget + 1] == ["drift"] * RULES.budget + ["storm"]


KEYS = st.sampled_from(["k", "l"])
AHEAD = st.integers(-3, 30)  # sessions, also backwards
EVENTS = st.one_of(
    st.builds(Reading, AHEAD, st.sampled_from(["a", "b"]), st.booleans()),
    st.builds(Reading, AHEAD, st.just("a"), st.just(True)),
    st.builds(Served, AHEAD, st.sampled_from(["m1", "m2"]), st.sampled_from(["s", "t"])),
    st.builds(Spec, AHEAD, st.sampled_from(["s", "t"])),
    st.builds(Quality, AHEAD, st.sampled_from(["", "holes"])),
    st.builds(Asked, AHEAD, KEYS, st.just("manual")),
    st.builds(Ended, AHEAD, KEYS, st.sampled_from(["promoted", "rejected", "failed", "rolled_back"])),
    st.builds(Ended, AHEAD, st.just("own"), st.sampled_from(["promoted", "rejected", "failed"])),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(EVENTS, max_size=120))
def test_no_sequence_of_events_starts_two_jobs_or_breaks_the_budget(events: list[Event]) -> None:
    now, seen = State(), []
    drift: list[int] = []
    keys: set[str] = set()
    for relative in events:
        event = msgspec.structs.replace(relative, session=now.session + relative.session)
        if isinstance(event, Ended) and event.key == "own":
            event = msgspec.structs.replace(event, key=now.job)
        found: Step = step(now, event)
        if found.request is not None:
            assert not now.job, "two trainings at once"
            assert not now.blocked
            assert found.state.session >= now.quiet_until
            assert found.request.key not in keys or found.state.session == now.session
            keys.add(found.request.key)
            if found.request.reason == "drift":
                drift = [one for one in drift if found.state.session - one < RULES.budget_sessions]
                drift.append(found.state.session)
                assert len(drift) <= RULES.budget
        assert found.state.session >= now.session
        assert found.state.cooldown <= RULES.longest_cooldown
        if found.state != now and found.state.name != now.name:
            assert found.reason, f"{now.name} -> {found.state.name} without a reason"
        now = found.state
        seen.append(event)
    again = State()
    for event in seen:
        wire = msgspec.json.decode(msgspec.json.encode(event), type=Event)
        again = step(again, wire).state
    assert msgspec.json.decode(msgspec.json.encode(now), type=State) == again == now
