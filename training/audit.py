"""Why a model serves, or does not: alarm, window, data, training, gate, shadow, decision; and all of it again.

Put together from the model's manifest, `models.events` and `drift.reports`; replayed from `market.bars` and
`forecasts.log`. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from stream_processors import policy
from stream_processors.drift import DriftReport
from stream_processors.matching import LoggedForecast
from stream_processors.messages import Bar
from stream_processors.replay import replay
from training import gate
from training.artefact import Manifest
from training.duel import Duel, Standing
from training.events import ModelEvent
from training.forecast_log import Forecast

SAME = 1e-6  # relative


class Chain(msgspec.Struct, frozen=True):
    """Everything that led to a model and followed from it. Lists are in the order of the logs."""

    version: str
    manifest: Manifest
    alarm: DriftReport | None  # that asked for it, when it was drift
    policy: list[dict[str, Any]]  # the policy's transitions up to the request, newest last
    events: list[ModelEvent]
    shadow: Standing | None
    decision: str


class Check(msgspec.Struct, frozen=True):
    """One part of the chain, computed again."""

    part: str
    same: bool
    said: str


def chain(manifest: Manifest, events: Iterable[ModelEvent], reports: Sequence[DriftReport]) -> Chain:
    """The chain of one model."""
    own = [
        one for one in events if one.version == manifest.version or _is(one.idempotency_key, manifest.request)
    ]
    asked = [
        at
        for at, one in enumerate(reports)
        if one.policy is not None and _is(str(one.policy.get("request")), manifest.request)
    ]
    alarm, transitions = None, []
    if asked:
        before = reports[: asked[0] + 1]
        transitions = [one.policy for one in before if one.policy is not None][-8:]
        wanted = reports[asked[0]].session_date
        alarm = next(
            (one for one in reports if one.triggers and one.policy is None and one.session_date == wanted),
            None,
        )
    judged = [one for one in own if one.version == manifest.version and one.kind in ("promoted", "rejected")]
    shadows = [one.report for one in judged if "evidence" in one.report]
    decisions = [one for one in own if one.kind in ("promoted", "rejected", "failed", "rolled_back")]
    last = decisions[-1] if decisions else None
    return Chain(
        version=manifest.version,
        manifest=manifest,
        alarm=alarm,
        policy=transitions,
        events=[one for one in own if one.kind != "training"],
        shadow=msgspec.convert(shadows[0], Standing) if shadows else None,
        decision=f"{last.kind}: {last.detail}" if last else "none yet",
    )


def _is(key: str, wanted: str) -> bool:
    return bool(wanted) and key == wanted


def again(
    found: Chain,
    assets: Mapping[str, str],
    bars: Iterable[Bar],
    forecasts: Sequence[Forecast],
    reports: Sequence[DriftReport],
) -> list[Check]:
    """Gate, monitor, policy and shadow, computed again from the logs. assets : symbol -> id."""
    checks = []
    gated = found.manifest.report
    if "ratio" in gated:
        decided = gate.replay(gated)
        checks.append(Check("gate", decided == gated["accepted"], "accepted" if decided else "refused"))
    if found.alarm is not None:
        checks.append(_monitor(found.alarm, assets, bars, forecasts, reports))
    transitions = [one.policy for one in reports if one.policy is not None]
    if transitions:
        checks.append(_policy(transitions))
    if found.shadow is not None:
        checks.append(_shadow(found.shadow, forecasts))
    return checks


def _monitor(
    alarm: DriftReport,
    assets: Mapping[str, str],
    bars: Iterable[Bar],
    forecasts: Sequence[Forecast],
    reports: Sequence[DriftReport],
) -> Check:
    logged = [msgspec.convert(msgspec.to_builtins(one), LoggedForecast) for one in forecasts]
    acted = {
        (one.asset, one.detector, one.session_date) for one in reports if one.triggers and one.policy is None
    }
    key = (alarm.asset, alarm.detector, alarm.session_date)
    computed = replay(assets, bars, logged, acted).get(key)
    if computed is None:
        return Check("monitor", False, "the logs no longer hold this session")
    same = computed.alarm == alarm.alarm and math.isclose(computed.value, alarm.value, rel_tol=SAME)
    return Check(
        "monitor",
        same,
        f"{computed.detector} of {computed.asset} at {computed.value:.6g} (was {alarm.value:.6g})",
    )


def _policy(transitions: Sequence[dict[str, Any]]) -> Check:
    """Every recorded transition once more: each from the state recorded before it."""
    state, wrong = policy.State(), 0
    for one in transitions:
        event = msgspec.convert(one["event"], policy.Event)
        done = policy.step(state, event)
        recorded = msgspec.convert(one["state"], policy.State)
        asked = done.request.key if done.request else ""
        wrong += asked != one["request"] or done.state.name != recorded.name
        state = recorded
    return Check("policy", wrong == 0, f"{len(transitions)} transitions, {wrong} otherwise than recorded")


def _shadow(recorded: Standing, forecasts: Sequence[Forecast]) -> Check:
    duel = Duel(recorded.new, recorded.old, recorded.since_ms)
    standing = duel.standing()
    for forecast in forecasts:
        if standing.sessions + standing.holes >= recorded.sessions + recorded.holes:
            break
        duel.add(forecast)
        standing = duel.standing()
    same = math.isclose(standing.mean, recorded.mean, rel_tol=SAME, abs_tol=1e-12)
    return Check("shadow", same and standing.worse == recorded.worse, standing.words())


def lines(found: Chain) -> list[str]:
    """The chain for a reader."""
    manifest, report = found.manifest, found.manifest.report
    told = [f"model {found.version}, asked for by {manifest.request or 'a start'} ({manifest.reason})"]
    told += [f"  policy: {one['reason']} -> {one['name']}" for one in found.policy]
    if found.alarm is not None:
        alarm = found.alarm
        told.append(
            f"  alarm: {alarm.detector} of {alarm.asset} at {alarm.value:.4g}, threshold {alarm.threshold:.4g}, "
            f"session {alarm.session_date}, window of {alarm.window} sessions; {alarm.bar}, {alarm.forecast}"
        )
    told.append(
        f"  data: {manifest.data_hash} to {manifest.as_of_session}, features {manifest.spec_hash}, "
        f"feed {manifest.feed}"
    )
    if manifest.parameters:
        values = ", ".join(f"{name} {value}" for name, value in manifest.parameters.items())
        told.append(
            f"  training: {values}; {report.get('train_s', 0):.0f} s; code {manifest.git_revision or 'unknown'}"
        )
    if "gate" in report:
        told.append(f"  gate: {'accepted' if report['accepted'] else 'refused'}; {report['gate']}")
    if found.shadow is not None:
        told.append(f"  shadow: {found.shadow.words()}")
    told.append(f"  decision: {found.decision}")
    return told
