"""What every test gets: real services on request, and an environment that says nothing about this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest_plugins = ["tests.services", "tests.browser"]

OURS = ("KAFKA_", "REDIS_", "ALLOCAST_")


def pytest_configure(config: pytest.Config) -> None:
    # kafka-python 3.0.12 reads its own schemas with functions that Python 3.11 deprecates.
    config.addinivalue_line("filterwarnings", "ignore:(read_text|open_text) is deprecated:DeprecationWarning")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No address of a real broker or store reaches a test, and every test has a state folder of its own."""
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ALLOCAST_STATE_DIR", str(tmp_path / "state"))
