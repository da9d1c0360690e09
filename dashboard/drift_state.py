"""What the drift reports mean: how near an alarm is, and what has to happen before a retraining. Pure.

What the policy decides is read from its own newest report and never worked out here a second time.
"""

from __future__ import annotations

import math

from dashboard.events import DriftReport, News
from dashboard.training_words import because
from producers.universe import Universe
from stream_processors.policy import RULES, Rules, State

EVERYTHING = "all"  # the asset name of what is not about a single asset
KNOWN = {"adwin": "ADWIN", "page_hinkley": "Page-Hinkley"}  # run beside ours, and ask for nothing
DETECTORS = {
    "scale": "size of the moves",
    "location": "direction of the moves",
    "level": "level of volatility",
    "lstm_loss": "what the LSTM adds to the loss",
    **{name: f"size of the moves by {title}" for name, title in KNOWN.items()},
}
FEATURES = {"move": "moves", "size": "size of the moves"}
DISTANCES = {"psi": "PSI", "ks": "Kolmogorov-Smirnov", "wasserstein": "Wasserstein"}


def asset_name(asset: str, universe: Universe) -> str:
    """An asset id as people write it.

    >>> from producers.universe import load_universe
    >>> asset_name("all", load_universe()), asset_name("gold", load_universe())
    ('All assets together', 'Gold')
    """
    if asset == EVERYTHING:
        return "All assets together"
    return next((one.name for one in universe.asset if one.id == asset), asset)


def detector_name(detector: str) -> str:
    """A detector in words.

    >>> detector_name("level"), detector_name("size_psi"), detector_name("another")
    ('level of volatility', 'size of the moves by PSI', 'another')
    >>> detector_name("adwin")
    'size of the moves by ADWIN'
    """
    feature, _, distance = detector.partition("_")
    if feature in FEATURES and distance in DISTANCES:
        return f"{FEATURES[feature]} by {DISTANCES[distance]}"
    return DETECTORS.get(detector, detector)


def judging(news: News, universe: Universe) -> dict[tuple[str, str], DriftReport]:
    """The newest report of every detector that may ask for a training, in the order of the universe."""
    return _ordered({key: one for key, one in news.drift.items() if not one.informs}, universe)


def informing(news: News, universe: Universe) -> dict[tuple[str, str], DriftReport]:
    """The newest comparison of every distribution, which only informs, in the order of the universe."""
    found = {key: one for key, one in news.drift.items() if one.informs and key[1] not in KNOWN}
    return _ordered(found, universe)


def known_changes(news: News, universe: Universe) -> dict[tuple[str, str], tuple[int, int]]:
    """What the known detectors beside ours last found: session (0: nothing), and how many sessions they looked at."""
    found = {key: one for key, one in news.drift.items() if key[1] in KNOWN}
    return {
        key: (
            max((one.session_date for one in news.reports[key] if one.alarm), default=0),
            len(news.reports[key]),
        )
        for key in _ordered(found, universe)
    }


def _ordered(
    found: dict[tuple[str, str], DriftReport], universe: Universe
) -> dict[tuple[str, str], DriftReport]:
    ids = [asset.id for asset in universe.asset]

    def place(item: tuple[tuple[str, str], DriftReport]) -> tuple[int, str, str]:
        (asset, detector), _ = item
        return (ids.index(asset) if asset in ids else len(ids)), asset, detector

    return dict(sorted(found.items(), key=place))


def newest_session(news: News) -> int:
    """yyyymmdd of the session that was judged last; 0 before the first."""
    return max((one.session_date for one in news.drift.values() if not one.informs), default=0)


def nearness(report: DriftReport) -> float:
    """How much of the way to the alarm's threshold the evidence has come, 0 to 1, on a logarithmic scale.

    Evidence multiplies up from 1 each session, so half of the way means: the same evidence once more.

    >>> nearness(DriftReport("gold", "scale", 64.0, 4096.0, False, 20260730, 1))
    0.5
    """
    if report.alarm or report.value >= report.threshold:
        return 1.0
    if report.value <= 1 or report.threshold <= 1:
        return 0.0
    return math.log(report.value) / math.log(report.threshold)


def alarms(news: News, universe: Universe) -> list[str]:
    """Names of the assets for which a detector stands at its threshold in the newest session."""
    newest = newest_session(news)
    found = (
        asset
        for (asset, _), one in judging(news, universe).items()
        if one.alarm and one.session_date == newest
    )
    return [asset_name(asset, universe) for asset in dict.fromkeys(found)]


def drift_line(asset: str, news: News) -> tuple[str, bool]:
    """The latest word on one asset, and whether it is an alarm. The loudest detector speaks."""
    reports = [one for (name, _), one in news.drift.items() if name == asset and not one.informs]
    if not reports:
        return "no report yet", False
    newest = max(report.session_date for report in reports)
    loudest = max((one for one in reports if one.session_date == newest), key=_loudness)
    alarm = loudest.alarm and newest == newest_session(news)
    return (
        f"{'alarm' if alarm else 'no alarm'} in session {session(newest)}: {detector_name(loudest.detector)} "
        f"at {level(loudest.value)}, alarm from {level(loudest.threshold)}"
    ), alarm


def _loudness(report: DriftReport) -> tuple[bool, float]:
    return report.alarm, report.value / report.threshold if report.threshold else 0.0


def level(value: float) -> str:
    """A detector's value.

    >>> level(5040.2), level(2.1)
    ('5,040', '2.1')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def session(date: int) -> str:
    """yyyymmdd as a date.

    >>> session(20260730)
    '2026-07-30'
    """
    return f"{date // 10_000:04d}-{date // 100 % 100:02d}-{date % 100:02d}"


def words(news: News, universe: Universe) -> str:
    """The alarms and what the policy makes of them, in a few sentences."""
    if not newest_session(news):
        head = "No session has been compared with its forecast yet."
    else:
        found = alarms(news, universe)
        head = (
            f"Alarm: {', '.join(found)}."
            if found
            else "No alarm: nothing shows yet that the forecasts do not fit what happens."
        )
    return " ".join([head, *_standing(_state(news), universe)])


def rules(news: News) -> str:
    """The rules that hold, as sentences."""
    held = _state(news).rules
    return (
        f"{_asks(held)} After a training there is none for {held.cooldown} sessions, after a rejected one for twice as "
        f"long each time, up to {held.longest_cooldown}. At most {held.budget} are asked for because of drift in "
        f"{held.budget_sessions} sessions. A model that has served for {held.max_age} sessions is trained again."
    )


def last_word(news: News) -> str:
    """What the policy said last, as a sentence; empty before its first word."""
    said = news.policy.policy if news.policy else None
    return f"Last decision: {said.reason}." if said and said.reason else ""


def _state(news: News) -> State:
    return news.policy.policy.state if news.policy and news.policy.policy else State(rules=RULES)


def _standing(state: State, universe: Universe) -> list[str]:
    """Everything that holds back or brings on a training; one sentence each."""
    said = []
    if state.blocked:
        said.append(f"The data are not good enough to train on ({state.blocked}): no training is asked for.")
    if state.job:
        why = f", because {because(state.job_reason)}" if state.job_reason else ""
        said.append(f"A training is on its way{why}; no other is asked for before it ends.")
    if state.storm:
        said.append(
            f"Storm: {len(state.drift_trainings)} trainings within {state.rules.budget_sessions} sessions "
            "did not help, so no other is asked for until the first of them is that long ago."
        )
    left = state.quiet_until - state.session
    if left > 0:
        longer = " (longer than usual, after a rejection)" if state.cooldown > state.rules.cooldown else ""
        sessions = "session has" if left == 1 else "sessions have"
        said.append(f"The next training not before {left} more {sessions} closed{longer}.")
    for key, count in state.streaks.items():
        asset, _, detector = key.partition(":")
        said.append(
            f"{asset_name(asset, universe)}, {detector_name(detector)}: at the threshold for {count} of "
            f"{state.rules.consecutive} sessions."
        )
    return said


def _asks(held: Rules) -> str:
    if held.consecutive == 1:
        return "An alarm asks for a retraining."
    return f"An alarm in {held.consecutive} sessions in a row asks for a retraining."
