"""From an alarm to a decision, and the same decision again from the logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from producers.errors import FixAndRestart
from stream_processors import policy
from stream_processors.drift import DriftReport
from stream_processors.messages import Bar
from stream_processors.replay import replay
from tests.training.test_duel import GOOD, logged
from tests.training.worlds import dataset
from training import artefact, audit, fitting, gate, models_command, past, serving
from training.artefact import CHAMPION, PREVIOUS
from training.duel import Duel
from training.events import ModelEvent
from training.forecast_log import Forecast

GATED = {
    "ratio": 0.99,
    "against": {"random_walk": 0.97},
    "coverage90": [0.9, 0.9],
    "accepted": True,
    "gate": "fine",
    "train_s": 1.0,
}


def reports(forecasts: list[Forecast], bars: list[Bar]) -> list[DriftReport]:
    """The monitor's and the policy's, with a request at the last session."""
    from stream_processors.matching import LoggedForecast

    said = [msgspec.convert(msgspec.to_builtins(one), LoggedForecast) for one in forecasts]
    found = list(replay({"GC=F": "gold", "^IXIC": "nasdaq"}, bars, said, set()).values())
    found[-1] = msgspec.structs.replace(found[-1], triggers=True)
    event = policy.Asked(7, "drift:7:old", "drift")
    done = policy.step(policy.State(), event)
    transition = {
        "name": done.state.name,
        "reason": done.reason,
        "event": msgspec.to_builtins(event),
        "state": msgspec.to_builtins(done.state),
        "request": "",
    }
    log = msgspec.structs.replace(found[-1], detector="policy", triggers=False)
    first = msgspec.structs.replace(log, policy=transition)
    last = msgspec.structs.replace(log, policy={**transition, "request": "drift:7:old"})
    return [*found, first, last]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("state") / "models"
    data = dataset(1_200)
    for version in ("20200101-old", "20200102-new"):
        staged = artefact.stage(folder, version)
        fitted = fitting.fit_first(data)
        fitted.report.update(GATED)
        origin = {"request": "drift:7:old", "replaces": "20200101-old", "parameters": {"seeds": 5}}
        fitting.save(folder, staged, fitted, data, "drift", "", 0, origin)
    return folder


@pytest.fixture
def logs() -> tuple[list[Forecast], list[Bar]]:
    records = logged(12, GOOD)
    seen = {(one.symbol, one.session_date): one.price for one in records}
    bars = [Bar(symbol, date, p, p, p, p, 1, 0, 0) for (symbol, date), p in seen.items()]
    return records, bars


@pytest.fixture
def chain(models: Path, logs: Any) -> tuple[audit.Chain, list[DriftReport]]:
    forecasts, bars = logs
    duel = Duel("new", "old")
    for one in forecasts:
        duel.add(one)
    events = [
        ModelEvent("requested", "", "drift", 1, "", "drift:7:old"),
        ModelEvent(
            "promoted",
            "20200102-new",
            "drift",
            2,
            "earned",
            "drift:7:old",
            final=True,
            report=msgspec.to_builtins(duel.standing()),
        ),
        ModelEvent("promoted", "other", "manual", 3, "", "another"),
    ]
    found = reports(forecasts, bars)
    manifest = artefact.manifest_of(models / "20200102-new")
    return audit.chain(manifest, events, found), found


def test_the_chain_names_every_step_and_comes_out_the_same_again(chain: Any, logs: Any) -> None:
    found, told = chain
    text = "\n".join(audit.lines(found))
    for words in (
        "asked for by drift:7:old",
        "policy: training",
        "alarm:",
        "seeds 5",
        "gate: accepted",
        "shadow: over 10",
    ):
        assert words in text
    assert found.decision == "promoted: earned"
    forecasts, bars = logs
    assets = {"GC=F": "gold", "^IXIC": "nasdaq"}
    # Its own request is the second transition: from the first's state nothing is asked, so that one differs.
    checks = {one.part: one.same for one in audit.again(found, assets, bars, forecasts, told[:-1])}
    assert checks == {"gate": True, "monitor": True, "policy": True, "shadow": True}


def test_what_was_tampered_with_comes_out_differently(chain: Any, logs: Any) -> None:
    found, told = chain
    forecasts, bars = logs
    assets = {"GC=F": "gold", "^IXIC": "nasdaq"}
    moved = [
        msgspec.structs.replace(
            one,
            price=one.price * (1 + 0.02 * at),  # what the shadow is judged by
            quantiles=[[value + 0.02 for value in row] for row in one.quantiles],  # and the monitor
        )
        for at, one in enumerate(forecasts)
    ]
    checks = {one.part: one.same for one in audit.again(found, assets, bars, moved, told)}
    assert checks == {"gate": True, "monitor": False, "policy": False, "shadow": False}
    bad = msgspec.structs.replace(found.manifest, report={**GATED, "ratio": 1.5})
    (check, *_) = audit.again(msgspec.structs.replace(found, manifest=bad), assets, bars, forecasts, told)
    assert (check.part, check.same) == ("gate", False)


@pytest.mark.parametrize(
    ("change", "accepted"),
    [
        ({}, True),
        ({"ratio": 1.021}, False),
        ({"ratio": float("nan")}, False),
        ({"against": {"random_walk": 1.03}}, False),
        ({"against": {"champion": 1.04}}, True),
        ({"against": {"champion": 1.06}}, False),
        ({"coverage90": [0.84, 0.9]}, False),
        ({"coverage90": [0.9, 0.5]}, True),
        ({"coverage90": []}, True),
    ],
)
def test_the_gate_decides_from_its_figures(change: dict[str, Any], accepted: bool) -> None:
    assert gate.replay({**GATED, **change}) == accepted


def test_a_past_that_was_rewritten_is_noticed_and_an_adjusted_price_is_not() -> None:
    panels = dataset(1_200).panels
    then = past.summary([panel.known_at(int(panel.session[-200])) for panel in panels])
    assert past.changed(then, panels) == ""
    scaled = [msgspec_replace(panel, price=panel.price * 7.0) for panel in panels]
    assert past.changed(then, scaled) == ""
    wild = [msgspec_replace(panel, price=panel.price**2) for panel in panels]
    assert "moves of GC=F are 2 times what they were" in past.changed(then, wild)
    short = [panel.between(int(panel.session[100]), int(panel.session[-1])) for panel in panels]
    assert "sessions, now" in past.changed(then, short)
    seen = {
        panel.symbol: dict(zip(panel.session[-50:].tolist(), panel.price[-50:].tolist(), strict=True))
        for panel in panels
    }
    assert past.contradicted(seen, scaled) == ""
    assert "49 of 49 moves of GC=F are not what was seen live" in past.contradicted(seen, wild)
    assert past.contradicted({}, wild) == ""
    split = panels[0].price.copy()
    split[-20:] /= 10
    told = past.contradicted(seen, [msgspec_replace(panels[0], price=split)])
    assert told == "1 of 49 moves of GC=F are not what was seen live"


def test_a_past_that_was_adjusted_for_what_was_paid_and_split_is_what_was_seen_live() -> None:
    panel = dataset(1_200).panels[0]
    raw = panel.price.copy()
    raw[:-100] *= 2.0  # a split of two for one, before which twice as much was seen
    for month in range(21, 240, 21):
        raw[: -month - 1] *= 1.005  # a dividend a month
    days = panel.session[-252:].tolist()
    seen = {panel.symbol: dict(zip(days, raw[-252:].tolist(), strict=True))}
    assert past.contradicted(seen, [panel]) == ""
    own = {panel.symbol: dict(zip(days, panel.price[-252:].tolist(), strict=True))}
    assert past.contradicted(own, [msgspec_replace(panel, price=raw)]), "what was paid is taken out again"
    often = np.where(np.arange(len(raw)) % 26 == 0, 0.06, 0.0)  # ten times a year, more than anybody pays
    dear = panel.price * np.exp(np.cumsum(often))
    assert past.contradicted(own, [msgspec_replace(panel, price=dear)])


def msgspec_replace(panel: Any, **given: Any) -> Any:
    import dataclasses

    return dataclasses.replace(panel, **given)


@pytest.fixture
def registered(models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder with both models in the registry, the old one serving."""
    from training.registry import Registry

    monkeypatch.setenv("ALLOCAST_STATE_DIR", str(models.parent))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr(serving, "send_one", lambda *_: None)
    registry = Registry(models.parent)
    for version, alias in (("20200101-old", CHAMPION), ("20200102-new", None)):
        registry.record(artefact.manifest_of(models / version), models / version, alias)
    artefact.promote(models, "20200101-old")
    yield models
    for alias in (CHAMPION, PREVIOUS):
        artefact.point(models, alias, None)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_promote_and_rollback_move_link_and_alias(registered: Path) -> None:
    from training.registry import Registry

    def aliases() -> dict[str, list[str]]:
        return {one["version"]: one["aliases"] for one in Registry(registered.parent).versions()}

    models_command.run_promote("20200102-new", as_json=True)
    assert artefact.champion_version(registered) == "20200102-new"
    assert aliases() == {"20200102-new": ["champion"], "20200101-old": ["previous"]}
    with pytest.raises(FixAndRestart, match="is what is served already"):
        models_command.run_promote("20200102-new", as_json=True)
    models_command.run_rollback(as_json=True)
    assert artefact.champion_version(registered) == "20200101-old"
    assert aliases() == {"20200102-new": [], "20200101-old": ["champion"]}
    with pytest.raises(FixAndRestart, match="there are: 20200101-old, 20200102-new"):
        models_command.run_promote("../20200102-new", as_json=True)
    recorded = Registry(registered.parent).versions()[0]
    assert recorded["request"] == "drift:7:old"
    assert recorded["data_hash"]
