"""The house: imports follow the data, and contract modules stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORDER = ["producers", "feature_repo", "stream_processors", "training", "dashboard"]
MAY_IMPORT_ALL = ["launcher", "benchmarks"]

CONTRACTS = [
    "producers.errors",
    "producers.settings",
    "producers.universe",
    "producers.tick",
    "producers.topics",
    "producers.request",
    "producers.sessions",
    "producers.inflation",
    "feature_repo.features",
    "feature_repo.online",
    "stream_processors.messages",
    "stream_processors.drift",
    "training.answer",
    "training.events",
]


def imported(path: Path) -> set[str]:
    """Top-level names of every import in a file, also those inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("folder", ORDER)
def test_a_folder_imports_only_from_folders_above_it(folder: str) -> None:
    forbidden = {*ORDER[ORDER.index(folder) + 1 :], *MAY_IMPORT_ALL}
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    wrong = {str(path.relative_to(ROOT)): found for path in files if (found := imported(path) & forbidden)}
    assert not wrong


def test_no_drawer_for_everything() -> None:
    names = {path.stem for folder in ORDER + MAY_IMPORT_ALL for path in (ROOT / folder).rglob("*")}
    assert not names & {"utils", "util", "helpers", "common", "manager", "misc"}


@pytest.mark.parametrize("module", CONTRACTS)
def test_importing_a_contract_opens_no_socket_and_no_heavy_library(module: str) -> None:
    script = f"""
import socket, sys
def refuse(*_, **__): raise AssertionError("a socket was opened")
socket.socket.connect = socket.socket.bind = refuse
import {module}
heavy = [name for name in ("kafka", "redis", "feast", "tensorflow", "faust", "mlflow") if name in sys.modules]
sys.exit(f"imported {{heavy}}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["training.champion", "training.answering"])
def test_serving_never_imports_tensorflow_mlflow_or_feast(module: str) -> None:
    script = f"""
import sys
import {module}
heavy = [name for name in ("tensorflow", "mlflow", "feast", "keras", "arch", "skfolio") if name in sys.modules]
sys.exit(f"imported {{heavy}}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["feature_repo.online_store", "stream_processors.monitor"])
def test_only_who_computes_features_imports_their_compiled_code(module: str) -> None:
    script = f"import sys, {module}; sys.exit('imported numba' if 'numba' in sys.modules else 0)"
    done = subprocess.run([sys.executable, "-O", "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_no_pickle_anywhere() -> None:
    users = [
        str(path.relative_to(ROOT))
        for folder in ORDER + MAY_IMPORT_ALL
        for path in (ROOT / folder).rglob("*.py")
        if imported(path) & {"pickle", "joblib", "dill", "cloudpickle", "marshal"}
    ]
    assert not users
