"""The Kubernetes manifests as text: every command, variable, port, probe and reference against the code."""

from __future__ import annotations

import importlib.util
import re

import pytest

from dashboard.access import AccessSettings
from producers import metrics, topics
from producers.settings import Settings, variable
from stream_processors.state_version import APP_ID
from tests.compose import ROOT
from tests.manifests import CONFIG, FOLDER, KUSTOMIZATION, PODS, of_kind
from tests.security.servers import ACLS, rules


def test_every_file_is_a_resource_and_every_service_is_there() -> None:
    assert {path.name for path in FOLDER.glob("*.yaml")} == {
        *KUSTOMIZATION["resources"],
        "kustomization.yaml",
    }
    assert PODS.keys() == {"init", "producer", "worker", "monitor", "training", "dashboard"}


def test_every_variable_is_a_setting() -> None:
    assert CONFIG.keys() <= {variable(name) for name in Settings.model_fields}


@pytest.mark.parametrize("name", PODS)
def test_a_pod_starts_what_exists_unprivileged_and_as_its_own_user(name: str) -> None:
    pod = PODS[name]
    (container,) = pod["containers"]
    for module in re.findall(r"-O -m ([\w.]+)", " ".join(container["command"])):
        assert importlib.util.find_spec(module)
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"]
    given = {one["name"]: one["value"] for one in container["env"]}
    assert f"User:{given['KAFKA_USERNAME']}" in {rule["principal"] for rule in rules(ACLS.read_text("utf-8"))}
    mounted = {one["name"] for one in container["volumeMounts"]}
    assert mounted == {one["name"] for one in pod["volumes"]}


@pytest.mark.parametrize("name", metrics.SERVICES)
def test_liveness_is_progress_and_the_port_is_the_services(name: str) -> None:
    (container,) = PODS[name]["containers"]
    assert container["livenessProbe"]["exec"]["command"] == ["python", "-m", "producers.alive", name]
    port = int(CONFIG["ALLOCAST_METRICS_PORT"]) + metrics.SERVICES.index(name)
    assert container["ports"] == [{"name": "metrics", "containerPort": port}]


def test_workers_are_scaled_by_their_own_lag_up_to_one_per_partition() -> None:
    (scaled,) = of_kind("ScaledObject")
    assert scaled["spec"]["scaleTargetRef"]["name"] in PODS
    assert scaled["spec"]["maxReplicaCount"] == int(CONFIG["ALLOCAST_PARTITIONS"])
    trigger = scaled["spec"]["triggers"][0]
    assert trigger["metadata"]["consumerGroup"] == APP_ID, "the state has a new version: change scaling.yaml"
    assert trigger["metadata"]["topic"] == topics.TICKS
    assert trigger["metadata"]["bootstrapServers"] == CONFIG["KAFKA_BOOTSTRAP_SERVERS"]
    (login,) = of_kind("TriggerAuthentication")
    assert trigger["authenticationRef"]["name"] == login["metadata"]["name"]


def test_there_is_one_producer_and_workers_are_replaced_one_by_one() -> None:
    deployments = {one["metadata"]["name"]: one["spec"] for one in of_kind("Deployment")}
    for name in ("producer", "monitor", "training"):
        assert deployments[name]["replicas"] == 1
        assert deployments[name]["strategy"] == {"type": "Recreate"}
    assert deployments["worker"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    # Without it a rollout goes on to the next worker while the one before is still importing.
    (worker,) = PODS["worker"]["containers"]
    assert worker["readinessProbe"]["exec"]["command"] == [
        "python",
        "-m",
        "producers.alive",
        "worker",
        "ready",
    ]


def test_pages_share_the_secret_that_signs_their_sessions() -> None:
    (pages,) = (one["spec"] for one in of_kind("Deployment") if one["metadata"]["name"] == "dashboard")
    assert pages["replicas"] > 1
    key = "ALLOCAST_SESSION_SECRET"
    assert "session_secret" in AccessSettings.model_fields
    (mounted,) = (
        one["projected"]["sources"] for one in PODS["dashboard"]["volumes"] if one["name"] == "secrets"
    )
    assert {"name": "allocast-session", "items": [{"key": key, "path": key}]} in [
        one["secret"] for one in mounted
    ]


def test_every_secret_that_is_mounted_is_in_the_guide() -> None:
    guide = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    sources = [
        one["secret"]
        for pod in PODS.values()
        for volume in pod["volumes"]
        for one in volume.get("projected", {}).get("sources", [])
    ]
    for secret in sources:
        assert secret["name"].removeprefix("allocast-") in PODS or f"`{secret['name']}`" in guide
        for item in secret.get("items", []):
            assert f"`{item['key']}`" in guide
