"""The live source: what it leaves in the log."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from dashboard.source import LiveSource
from producers import topics
from producers.logs import JsonFormatter
from producers.settings import Settings
from producers.tick import partition_of
from producers.universe import load_universe
from tests.stubs import close_ms, row
from tests.training.worlds import dataset
from training import artefact, fitting
from training.answer import ask

UNIVERSE = load_universe()
NOW_MS = close_ms(12_001)
RATE = {"price": 2.0, "ewma_volatility": 3e-4, "realised_volatility_252": 3e-4 * 252**0.5}


def test_an_answer_names_the_records_it_knew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(state_dir=tmp_path, partitions=7)
    data = dataset(2_000)
    staged = artefact.stage(settings.models_dir, "v1")
    fitting.save(settings.models_dir, staged, fitting.fit_first(data), data, "history", "", NOW_MS - 60_000)
    artefact.promote(settings.models_dir, "v1")
    source = LiveSource(settings, UNIVERSE)
    champion = source.champion()
    assert champion is not None
    rows = {"GC=F": row("GC=F"), "^IRX": row("^IRX", values=RATE)}
    request = ask(54_321, {"gold": 40, "cash": 60}, "6m", UNIVERSE)
    with caplog.at_level(logging.INFO):
        source.answer(request, champion, rows, NOW_MS)
    assert not caplog.records
    with caplog.at_level(logging.DEBUG):
        given = source.answer(request, champion, rows, NOW_MS)
    lines = [json.loads(JsonFormatter("dashboard").format(one)) for one in caplog.records]
    places = {(one["topic"], one["partition"], one["offset"]) for one in lines}
    assert places == {
        (topics.TICKS, partition_of(asset.symbol, 7), given.inputs[asset.id].source_offset)
        for asset in UNIVERSE.asset
        if asset.symbol in rows
    }
    assert all("v1" in one["message"] and "54" not in one["message"] for one in lines)  # not what was asked
