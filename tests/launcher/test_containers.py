"""The text of docker-compose.yml, Dockerfile and Makefile: what can be checked without Docker."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from dashboard.access import AccessSettings
from launcher import embedded_redis
from launcher.free_port import free_ports, free_row
from producers import metrics
from producers.settings import Settings, StateFolder, load_settings, variable
from tests.compose import COMPOSE, ROOT, SERVICES, command, health_check
from tests.services import running

OURS = {name: service for name, service in SERVICES.items() if service["image"] == "allocast"}
MODULES = [name for name in OURS if name != "mlflow"]
PORTS = {
    "dashboard": 8050,
    "mlflow": 5000,
    "kafka": 19092,
    "redis": 6379,
    "prometheus": 9090,
    "grafana": 3000,
}


def known_variables() -> set[str]:
    return {variable(name) for name in Settings.model_fields} | {
        f"ALLOCAST_{name.upper()}" for name in StateFolder.model_fields | AccessSettings.model_fields
    }


def test_the_file_fits_the_compose_specification() -> None:
    """compose-spec.json is the specification's own schema (github.com/compose-spec/compose-spec, Apache 2.0)."""
    schema = json.loads((ROOT / "tests" / "launcher" / "compose-spec.json").read_text(encoding="utf-8"))
    check = jsonschema.Draft7Validator(schema).validate
    check(COMPOSE)
    wrong = {**COMPOSE, "services": {**SERVICES, "worker": {**SERVICES["worker"], "memlimit": "1g"}}}
    with pytest.raises(jsonschema.ValidationError):
        check(wrong)


def test_every_part_of_allocast_has_a_service() -> None:
    assert OURS.keys() == {"init", "producer", "worker", "monitor", "training", "dashboard", "mlflow"}


def test_what_is_not_started_by_itself_is_of_the_profile_that_the_documents_name() -> None:
    assert {name: one["profiles"] for name, one in SERVICES.items() if "profiles" in one} == {
        "mlflow": ["mlflow"],
        "prometheus": ["observability"],
        "grafana": ["observability"],
    }


@pytest.mark.parametrize("name", MODULES)
def test_every_module_that_a_command_starts_exists(name: str) -> None:
    modules = re.findall(r"python -O -m ([\w.]+)", " ".join(command(name)))
    assert modules
    for module in modules:
        spec = importlib.util.find_spec(module)
        assert spec is not None, module
        if spec.submodule_search_locations:
            assert importlib.util.find_spec(f"{module}.__main__"), f"{module} cannot be started"


def test_the_options_of_the_commands_are_understood() -> None:
    from producers.__main__ import parse

    assert parse(command("producer")[4:]).feed == "auto"


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_with_a_valid_value(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = OURS[name]["environment"]
    assert set(environment) <= known_variables()
    assert environment == COMPOSE["x-env"], "one block holds every address"
    for variable_name, value in environment.items():
        monkeypatch.setenv(variable_name, value)
    settings = load_settings()
    assert settings.state_dir == Path("/state")
    assert settings.kafka_bootstrap_servers.split(":") == ["kafka", "9092"]


@pytest.mark.parametrize("name", SERVICES)
def test_health_is_checked(name: str) -> None:
    if name == "init":
        assert SERVICES[name]["healthcheck"] == {"disable": True}  # it ends, and others wait for that
        return
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


@pytest.mark.parametrize("name", metrics.SERVICES)
def test_health_is_progress(name: str) -> None:
    """The very command of the check, against a process that serves progress, an old one, and none."""
    assert health_check(name) == ["python", "-m", "producers.alive", name]


def test_the_health_check_tells_progress_from_standing_still() -> None:
    port = free_row(len(metrics.SERVICES))
    environment = {**os.environ, "ALLOCAST_METRICS_PORT": str(port)}
    serve = (
        "import sys, time; from producers import metrics; from producers.settings import load_settings;"
        "metrics.serve(load_settings(), 'worker');"
        "metrics.PROGRESS.labels('worker').set(time.time() - float(sys.argv[1]));"
        "metrics.READY.labels('worker').set(float(sys.argv[2]));"
        "print('serving', flush=True); time.sleep(60)"
    )
    check = [sys.executable, *health_check("worker")[1:]]
    for silent_s, begun, healthy, ready in (
        ("0", "0", True, False),
        ("0", "1", True, True),
        ("100", "1", False, False),
    ):
        with subprocess.Popen(
            [sys.executable, "-c", serve, silent_s, begun], env=environment, stdout=subprocess.PIPE
        ) as server:
            try:
                assert server.stdout is not None
                assert server.stdout.readline() == b"serving\n"
                done = subprocess.run(check, env=environment, capture_output=True, text=True)
                asked = subprocess.run([*check, "ready"], env=environment, capture_output=True, text=True)
            finally:
                server.kill()
        assert (done.returncode == 0) == healthy, done.stderr
        assert (asked.returncode == 0) == ready, asked.stderr
    gone = subprocess.run(check, env=environment, capture_output=True, text=True)
    assert gone.returncode == 1
    assert f"port {port + 1}" in gone.stderr


def test_redis_and_its_health_check_use_the_password_of_the_secret(tmp_path: Path) -> None:
    """Their very commands, with this machine's folders and a free port."""
    if shutil.which("redis-cli") is None and os.environ.get("CI") != "true":
        pytest.skip("redis-cli is not installed (apt-get install redis-server)")
    assert shutil.which("redis-cli")  # the health check asks by it
    (port,) = free_ports(1)
    (tmp_path / "REDIS_PASSWORD").write_text("made-once")
    here = {"/run/secrets": str(tmp_path), "redis-cli": f"redis-cli -p {port}"}

    def on_this_machine(command: list[str]) -> list[str]:
        *shell, script = command
        for there, path in here.items():
            script = script.replace(there, path)
        return [*shell, script]

    binaries = f"{embedded_redis.binary().parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": binaries}
    server = on_this_machine(SERVICES["redis"]["command"])
    server[-1] += f" --port {port} --bind 127.0.0.1 --dir {tmp_path}"
    check = on_this_machine(health_check("redis"))
    with running(server, port, tmp_path / "log", environment):
        assert subprocess.run(check, env=environment, capture_output=True).returncode == 0
        (tmp_path / "REDIS_PASSWORD").write_text("another")
        assert subprocess.run(check, env=environment, capture_output=True).returncode != 0
    assert (tmp_path / "appendonlydir").is_dir()


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        host, _, inside = str(port).rpartition(":")
        assert host.startswith("127.0.0.1:")
        assert int(inside) == PORTS[name]


def test_volumes_secrets_and_dependencies_are_defined() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (source.startswith("./") and (ROOT / source).is_dir())
        assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
        for needed, how in service.get("depends_on", {}).items():
            assert needed in SERVICES
            done = needed == "init"
            assert how["condition"] == ("service_completed_successfully" if done else "service_healthy")


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_limited_and_unprivileged(name: str) -> None:
    service = SERVICES[name]
    assert service["mem_limit"]
    assert service["cpus"]
    assert not str(service["user"]).startswith("0")
    assert service["cap_drop"] == ["ALL"]
    if name != "kafka":  # its image writes its configuration into its own folder
        assert service["read_only"]


def test_no_password_is_in_the_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert not re.search(r"PASSWORD: (?!/run/secrets)\S", text)
    for secret in COMPOSE["secrets"].values():
        assert secret["file"].startswith("./deploy/secrets/")
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8")


def test_the_secrets_are_made_once_and_the_settings_read_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "deploy" / "secrets.sh", tmp_path)
    for _ in range(2):
        subprocess.run(["sh", str(tmp_path / "secrets.sh")], check=True, capture_output=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert made.keys() == COMPOSE["secrets"].keys()
    monkeypatch.setenv("ALLOCAST_SECRETS_DIR", str(tmp_path / "secrets"))
    monkeypatch.setenv("REDIS_URL", COMPOSE["x-env"]["REDIS_URL"])
    settings = load_settings()
    assert settings.redis_url.get_secret_value() == f"redis://:{made['REDIS_PASSWORD']}@redis:6379/0"
    assert made["REDIS_PASSWORD"] not in repr(settings)


def test_the_same_state_is_shared() -> None:
    assert all("state:/state" in service["volumes"] for service in OURS.values())


def test_the_image_runs_unprivileged_from_hashed_packages() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert text.index("useradd") < text.index("USER allocast")
    assert "--require-hashes -r requirements.lock" in text


def test_make_without_a_target_lists_the_targets() -> None:
    shown = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("run", "test", "audit", "soak", "lint", "bench", "lock", "clean", "help"):
        assert re.search(rf"^make {target} +\w", shown, re.MULTILINE), target


def test_ci_runs_what_a_person_types() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert script.read_text(encoding="utf-8").rstrip().endswith("make lint test")
