"""From alarms to at most one training at a time: a pure state machine. Events in, state and actions out.

Time is counted in NYSE sessions, so a machine whose clock jumps or that slept decides the same; the clock
only holds back a training for age, since a replay passes months in minutes. Every event that means something leaves a transition with its reason; folding the logged events over
`State()` gives the logged states again, which is what `allocast models show --replay` checks.
"""

from __future__ import annotations

from typing import Annotated

import msgspec


class Rules(msgspec.Struct, frozen=True):
    """Sessions, and numbers of trainings."""

    consecutive: int = 2  # sessions a detector must stay at its threshold
    cooldown: int = 21  # without another training after one ended
    longest_cooldown: int = 126  # to which rejections double it
    budget: int = 4  # drift trainings ...
    budget_sessions: int = 126  # ... in so many sessions; one more is a storm. Four cooldowns fit into them
    max_age: int = 63  # a model that has served for so long is trained again ...
    least_hours: float = 12.0  # ... when it has also served for so long by the clock


RULES = Rules()


class Reading(msgspec.Struct, frozen=True, tag="reading"):
    """A detector after a session."""

    session: int
    detector: str  # asset:name
    above: bool


class Ruled(msgspec.Struct, frozen=True, tag="ruled"):
    """The settings that hold from now on."""

    session: int
    rules: Rules


class Served(msgspec.Struct, frozen=True, tag="served"):
    """A model's forecasts for a session were scored; `spec_hash` is what the model was trained for."""

    session: int
    model: str
    spec_hash: str
    at_ms: int = 0  # by our clock


class Spec(msgspec.Struct, frozen=True, tag="spec"):
    """The features that the stream computes now."""

    session: int
    spec_hash: str


class Quality(msgspec.Struct, frozen=True, tag="quality"):
    """The data gate's word; an empty problem means the data are good again."""

    session: int
    problem: str


class Asked(msgspec.Struct, frozen=True, tag="asked"):
    """Somebody else (a person, the feed) asked for a training, or the service took one up."""

    session: int
    key: str
    reason: str


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """A training ended. outcome: promoted, rejected, failed, kept or rolled_back."""

    session: int
    key: str
    outcome: str


Event = Ruled | Reading | Served | Spec | Quality | Asked | Ended


class State(msgspec.Struct, frozen=True):
    """All that the policy remembers."""

    session: int = 0
    streaks: dict[str, int] = {}  # detector -> consecutive sessions above, without those at 0
    job: str = ""  # idempotency key of the training in flight
    job_reason: str = ""
    cooldown: int = 0  # length of the current one; 0 before the first
    quiet_until: int = 0
    drift_trainings: tuple[int, ...] = ()  # sessions of those within the budget's window
    storm: bool = False
    blocked: str = ""  # the data gate's problem
    model: str = ""
    model_since: int = 0
    model_since_ms: int = 0
    model_spec: str = ""
    spec: str = ""
    rules: Rules = RULES

    @property
    def name(self) -> str:
        """One word for a reader."""
        for word, holds in (
            ("blocked", self.blocked),
            ("training", self.job),
            ("storm", self.storm),
            ("cooldown", self.session < self.quiet_until),
            ("suspected", self.streaks),
        ):
            if holds:
                return word
        return "watching"


class Request(msgspec.Struct, frozen=True):
    """Ask for a training. reason: drift, schedule, spec or storm (the pool without the LSTM, at once)."""

    reason: Annotated[str, msgspec.Meta(pattern="^(drift|schedule|spec|storm)$")]
    key: str
    detail: str


class Step(msgspec.Struct, frozen=True):
    """What an event led to. `reason` is empty when nothing changed that anybody would want to know."""

    state: State
    request: Request | None
    reason: str


def step(state: State, event: Event) -> Step:
    """One event. Sessions never run backwards: an event of an older one counts as of the newest known."""
    rules = state.rules
    now = max(state.session, event.session)
    rested = state.session < state.quiet_until <= now
    state = msgspec.structs.replace(
        state,
        session=now,
        drift_trainings=tuple(one for one in state.drift_trainings if now - one < rules.budget_sessions),
    )
    calm = state.storm and len(state.drift_trainings) < rules.budget
    if calm:
        state = msgspec.structs.replace(state, storm=False)
    state, said = _take_in(state, event)
    passed = ["the storm is over"] * calm + ["the cooldown is over"] * rested
    said = "; ".join([*passed, said] if said else passed)
    if not isinstance(event, Reading | Served | Spec):
        return Step(state, None, said)
    return _decide(state, event, said)


def _take_in(state: State, event: Event) -> tuple[State, str]:
    """The state with what the event says, before anything is decided."""
    change = msgspec.structs.replace
    if isinstance(event, Reading):
        streaks = {name: count for name, count in state.streaks.items() if name != event.detector}
        if not event.above:
            over = f"{event.detector} is below its threshold again" if event.detector in state.streaks else ""
            return change(state, streaks=streaks), over
        count = state.streaks.get(event.detector, 0) + 1
        said = f"{event.detector} stands at its threshold for {count} session" + ("s" if count > 1 else "")
        return change(state, streaks={**streaks, event.detector: count}), said
    if isinstance(event, Served):
        if event.model == state.model:
            return state, ""
        # What the detectors saw belongs to the model before.
        return change(
            state,
            streaks={},
            model=event.model,
            model_since=state.session,
            model_since_ms=event.at_ms,
            model_spec=event.spec_hash,
        ), f"model {event.model} forecasts now"
    if isinstance(event, Spec):
        said = "" if event.spec_hash == state.spec else f"features are computed by spec {event.spec_hash}"
        return change(state, spec=event.spec_hash), said
    if isinstance(event, Quality):
        said = f"data are blocked: {event.problem}" if event.problem else "data are good again"
        return change(state, blocked=event.problem), said if event.problem != state.blocked else ""
    if isinstance(event, Asked):
        if state.job:
            return state, "" if event.key == state.job else f"{event.key} waits for {state.job}"
        return (
            change(state, job=event.key, job_reason=event.reason),
            f"training {event.key} ({event.reason})",
        )
    if isinstance(event, Ruled):
        differ = (f"{name} is {value}" for name, value in _changes(state.rules, event.rules))
        return change(state, rules=event.rules), ", ".join(differ)
    return _ended(state, event)


def _changes(old: Rules, new: Rules) -> list[tuple[str, object]]:
    before = msgspec.structs.asdict(old)
    return [(name, value) for name, value in msgspec.structs.asdict(new).items() if value != before[name]]


def _ended(state: State, event: Ended) -> tuple[State, str]:
    if event.outcome == "rolled_back":  # may come long after the training, during another one
        length = _doubled(state)
    elif event.key != state.job:
        return state, ""
    elif state.job_reason == "history":
        # The first model, or the one of a new start: nothing that the cooldown guards against has happened, and
        # what it guards against now goes on. What stood at its threshold still does: the model knows nothing
        # later than its request.
        return msgspec.structs.replace(state, job=""), f"training {event.key} {event.outcome}"
    else:
        length = _doubled(state) if event.outcome == "rejected" else state.rules.cooldown
    state = msgspec.structs.replace(
        state,
        job="" if event.key == state.job else state.job,
        streaks={},
        cooldown=length,
        quiet_until=state.session + length,
    )
    return state, f"training {event.key} {event.outcome.replace('_', ' ')}; quiet for {length} sessions"


def _doubled(state: State) -> int:
    return min(state.rules.longest_cooldown, 2 * (state.cooldown or state.rules.cooldown))


def _decide(state: State, event: Reading | Served | Spec, said: str) -> Step:
    """Whether to ask for a training now, and why not when something is due."""
    due = _due(state, event)
    if due is None:
        return Step(state, None, said)
    reason, what = due
    for holds, why in (
        (state.job, f"{state.job} is in flight"),
        (state.blocked, f"data are blocked: {state.blocked}"),
        (state.session < state.quiet_until, f"quiet until session {state.quiet_until}"),
        (state.storm, "too many trainings: storm"),
    ):
        if holds:
            # Said once, when a detector first asks; age and spec stay due without another word.
            return Step(state, None, f"{what}, but {why}" if reason == "drift" else said)
    trainings = state.drift_trainings
    if reason == "drift":
        if len(trainings) >= state.rules.budget:
            reason = "storm"
            what = f"{what}; {len(trainings)} trainings in {state.rules.budget_sessions} sessions changed nothing"
        else:
            trainings = (*trainings, state.session)
    key = f"{reason}:{state.session}:{state.model or 'none'}"
    state = msgspec.structs.replace(
        state, job=key, job_reason=reason, streaks={}, drift_trainings=trainings, storm=reason == "storm"
    )
    return Step(state, Request(reason, key, what), f"{what}: asking for a training ({reason})")


def _due(state: State, event: Reading | Served | Spec) -> tuple[str, str] | None:
    if isinstance(event, Reading):
        count = state.streaks.get(event.detector, 0)
        if count >= state.rules.consecutive:
            return "drift", f"{event.detector} stands at its threshold for {count} sessions"
    if state.spec and state.model_spec and state.spec != state.model_spec:
        return "spec", f"the model was trained on spec {state.model_spec}, features are {state.spec}"
    age = state.session - state.model_since
    if state.model and age >= state.rules.max_age and isinstance(event, Served):
        hours = (event.at_ms - state.model_since_ms) / 3_600_000
        if hours < state.rules.least_hours:
            return None
        return "schedule", f"the model has served for {age} sessions"
    return None
