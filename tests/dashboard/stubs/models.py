"""How a model came to be, made by hand: its manifest, the chain behind it, what was heard of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.events import DriftReport, News
from dashboard.live import now_ms
from feature_repo.features import spec_hash
from producers.sessions import nyse
from stream_processors.drift import DriftReport as DriftAlarm
from tests.dashboard.stubs.market import UNIVERSE
from training.artefact import Manifest
from training.audit import Chain
from training.duel import Standing
from training.events import ModelEvent
from training.horizons import HORIZONS as LOGGED


def manifest(version: str = "v1") -> Manifest:
    """Of a model that drift asked for."""
    return Manifest(
        schema="artefact/3",
        version=version,
        created_ms=now_ms(),
        reason="drift",
        detail="",
        symbols=[asset.symbol for asset in UNIVERSE.priced],
        rate=None,
        as_of_session="2026-07-29",
        feed="simulated",
        data_hash="5f0c1d2e3a4b",
        spec_hash=spec_hash(),
        horizons=list(LOGGED),
        levels=[0.5],
        members=["climatology", "lstm"],
        inflation_month="2026-06",
        inflation_known="2026-07-14",
        earned={},
        report={
            "accepted": True,
            "gate": "on 378 held-out sessions the pool's CRPS is 0.40 % below that of the pool without the LSTM",
            "train_s": 61.0,
            "horizons": [1, 21, 63, 126],
            "crps": {"pool": [0.54, 0.55, 0.57, 0.58], "garch_fhs": [0.55, 0.56, 0.58, 0.6]},
        },
        request="drift:gold:20260729",
        replaces="v0",
        parameters={"seeds": 5, "epochs": 12},
        git_revision="0a1b2c3d",
    )


def reported(**given: Any) -> DriftAlarm:
    """A report of the monitor, as it writes it: gold's detector of the size of moves, at rest."""
    fields: dict[str, Any] = {
        "asset": "gold",
        "detector": "scale",
        "value": 2.1,
        "threshold": 4_032.0,
        "alarm": False,
        "triggers": False,
        "session_date": 20260729,
        "pit": 0.5,
        "model": "v1",
        "at_ms": now_ms(),
    }
    return DriftAlarm(**{**fields, **given})


def chain(version: str = "v1") -> Chain:
    """From an alarm on gold to a promotion."""
    own = manifest(version)
    alarm = reported(
        value=6_000.0,
        alarm=True,
        triggers=True,
        pit=0.999,
        model="v0",
        window=23,
        bar="market.bars[4]@5120",
        forecast="forecasts.log[4]@733",
    )
    stood = Standing(version, "v0", 10, 0, -0.012, -1.4, 0.6, 0.0061, 0.0063)
    events = [
        ModelEvent(kind, "" if kind == "requested" else version, "drift", now_ms() + at)
        for at, kind in enumerate(("requested", "trained", "shadow", "promoted"))
    ]
    transition = {"name": "training", "reason": "gold at its threshold for two sessions"}
    return Chain(version, own, alarm, [transition], events, stood, f"promoted: {stood.words()}")


def news(sessions: int = 60, alarm: bool = False) -> News:
    """Reports of every detector over the last sessions and the events of one model."""
    said = News()
    days = [int(day) for day in nyse().yyyymmdd if day <= 20260729][-sessions:]
    rng = np.random.default_rng(11)
    for asset in UNIVERSE.priced:
        for detector in ("scale", "location"):
            level = np.exp(np.abs(np.cumsum(rng.normal(0, 0.25, sessions))))
            for at, day in enumerate(days):
                last = alarm and asset.id == "gold" and at == sessions - 1
                value = 6_000.0 if last else float(min(level[at], 3_000))
                said = said.with_report(
                    DriftReport(asset.id, detector, value, 4032.0, last, day, now_ms() - 60_000)
                )
    at = now_ms() - 3_600_000
    for offset, kind in enumerate(("requested", "trained", "promoted")):
        event = ModelEvent(kind, "" if kind == "requested" else "v1", "history", at + offset * 60_000)
        said = said.with_event(event)
    return said
