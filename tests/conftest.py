"""What every test gets: real services on request, and an environment that says nothing about this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest_plugins = ["tests.services", "tests.browser"]

OURS = ("KAFKA_", "REDIS_", "ALLOCAST_")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("chaos", "the long fault suite (make chaos)")
    group.addoption("--chaos-minutes", type=float, help="run it, for so long")
    group.addoption("--soak-minutes", type=float, help="run the soak, for so long (make soak)")
    group.addoption("--chaos-seed", type=int, help="repeat the plan of an earlier run")


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for marker in ("chaos", "soak"):
        if config.getoption(f"{marker}_minutes") is None:
            long = [item for item in items if item.get_closest_marker(marker)]
            config.hook.pytest_deselected(items=long)
            items[:] = [item for item in items if item not in long]
    # Tests of a file share what they started, so with `-n` they stay together; the loop is a story per broker. It
    # takes longest: one begins first, the other in the middle, for two at once would wait for each other.
    loops: dict[str, list[pytest.Item]] = {}
    others: list[pytest.Item] = []
    for item in items:
        callspec = getattr(item, "callspec", None)
        broker = str(callspec.params.get("running", "")) if callspec is not None else ""
        item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}{broker}"))
        (loops.setdefault(broker, []) if broker else others).append(item)
    half = len(others) // 2
    first, *rest = loops.values() or [[]]
    items[:] = [*first, *others[:half], *(item for loop in rest for item in loop), *others[half:]]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "chaos: only with --chaos-minutes")
    config.addinivalue_line("markers", "soak: only with --soak-minutes")
    # kafka-python 3.0.12 reads its own schemas with functions that Python 3.11 deprecates.
    config.addinivalue_line("filterwarnings", "ignore:(read_text|open_text) is deprecated:DeprecationWarning")
    # It also leaves sockets of connections that it gave up to the garbage collector.
    config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No address of a real broker or store reaches a test, and every test has a state folder of its own."""
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ALLOCAST_STATE_DIR", str(tmp_path / "state"))
