"""Pages to look at: one with prices and a model for each test, one with a long memory for each file."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.live import now_ms
from tests.browser import Tab
from tests.dashboard.running_page import Site
from tests.dashboard.stubs.forecasts import champion
from tests.dashboard.stubs.market import rows
from tests.dashboard.stubs.models import manifest, news
from tests.dashboard.stubs.record import record, trial
from tests.dashboard.stubs.source import StubSource
from training.events import ModelEvent


@pytest.fixture
def site() -> Iterator[Site]:
    """A page that has everything: prices of all assets (simulated) and a champion."""
    running = Site(StubSource(*rows(), champion=champion()))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def open_site() -> Iterator[Site]:
    """The same for all tests of a file that leave it as it is; nobody logs in."""
    running = Site(StubSource(*rows(), champion=champion()))
    running.start()
    running.poller.step()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def solver() -> None:
    """The frontier's first import takes seconds, on a busy machine longer than any test waits."""
    importlib.import_module("skfolio.optimization")


@pytest.fixture(scope="module")
def full(solver: None) -> Iterator[Site]:  # noqa: ARG001  # loaded before it
    """A page with a long memory: history, a record, drift reports, models."""
    watched = ModelEvent("shadow", "v2", "drift", now_ms() - 60_000, idempotency_key="drift:gold:20260729")
    source = StubSource(
        *rows(), champion=champion(manifest=manifest()), news=news(alarm=True).with_event(watched)
    )
    source.known = record(trial=trial(6, wider=0.9))
    running = Site(source)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of the page are kept: the folder of the environment variable PAGE_PICTURES, or pytest's own."""
    folder = Path(os.environ.get("PAGE_PICTURES") or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def quiet(tab: Tab) -> Iterator[Tab]:
    """A tab in which nothing may go wrong."""
    yield tab
    assert tab.errors == []
