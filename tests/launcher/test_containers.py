"""The text of docker-compose.yml, Dockerfile and Makefile: what can be checked without Docker."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboard.access import AccessSettings
from producers.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "allocast"}


def known_variables() -> set[str]:
    return {
        str(field.validation_alias or f"ALLOCAST_{name.upper()}")
        for name, field in (Settings.model_fields | AccessSettings.model_fields).items()
    }


def test_every_part_of_allocast_has_a_service() -> None:
    assert OURS.keys() == {"init", "producer", "worker", "monitor", "training", "dashboard"}


@pytest.mark.parametrize("name", OURS)
def test_every_module_that_a_command_starts_exists(name: str) -> None:
    command = " ".join(OURS[name]["command"])
    modules = re.findall(r"python -O -m ([\w.]+)", command)
    assert modules
    for module in modules:
        spec = importlib.util.find_spec(module)
        assert spec is not None, module
        if spec.submodule_search_locations:
            assert importlib.util.find_spec(f"{module}.__main__"), f"{module} cannot be started"


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name: str) -> None:
    assert set(OURS[name]["environment"]) <= known_variables()


@pytest.mark.parametrize("name", SERVICES)
def test_health_is_checked(name: str) -> None:
    if name == "init":
        assert SERVICES[name]["healthcheck"] == {"disable": True}  # it ends, and others wait for that
        return
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_alone(name: str) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_volumes_and_dependencies_are_defined() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"]
        for needed, how in service.get("depends_on", {}).items():
            assert needed in SERVICES
            done = needed == "init"
            assert how["condition"] == ("service_completed_successfully" if done else "service_healthy")


def test_the_same_state_is_shared() -> None:
    assert all("state:/state" in service["volumes"] for service in OURS.values())


def test_the_image_runs_unprivileged_from_hashed_packages() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert text.index("useradd") < text.index("USER allocast")
    assert "--require-hashes -r requirements.lock" in text


def test_the_process_checks_find_a_process_and_miss_an_absent_one() -> None:
    test = SERVICES["worker"]["healthcheck"]["test"][1].replace("$$", "$")
    assert subprocess.run(["sh", "-c", test.replace("stream_processors", "no_such_module")]).returncode == 1
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        try:
            assert subprocess.run(["sh", "-c", test.replace("stream_processors", "sleep")]).returncode == 0
        finally:
            sleeper.kill()


def test_make_without_a_target_lists_the_targets() -> None:
    shown = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("run", "test", "lint", "bench", "lock", "clean", "help"):
        assert re.search(rf"^make {target} +\w", shown, re.MULTILINE), target


def test_ci_runs_what_a_person_types() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert script.read_text(encoding="utf-8").rstrip().endswith("make lint test")
