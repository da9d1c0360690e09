"""Dashboards and alerts ask for metrics that exist, with labels that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

import dashboard.metrics
from producers import metrics

ROOT = Path(__file__).parents[2]
GRAFANA: dict[str, Any] = json.loads((ROOT / "deploy/grafana/dashboards/allocast.json").read_text("utf-8"))
ALERTS: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text("utf-8"))
PROMETHEUS: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))
OF_PROMETHEUS = {"up", "process_resident_memory_bytes"}
ADDED = {"job", "instance", "le"}  # labels that scraping adds, and the buckets of a histogram

OURS = [
    one
    for module in (metrics, dashboard.metrics)
    for one in vars(module).values()
    if isinstance(one, MetricWrapperBase)
]


def series() -> dict[str, set[str]]:
    """Every series that the services serve, with its labels."""
    found: dict[str, set[str]] = {}
    for metric in OURS:
        (family,) = metric.describe()
        endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        for ending in endings:
            found[family.name + ending] = set(metric._labelnames) | ADDED
    return found


def queries() -> list[str]:
    panels = [target["expr"] for panel in GRAFANA["panels"] for target in panel["targets"]]
    return panels + [rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]]


def test_every_metric_that_is_asked_for_exists_with_its_labels() -> None:
    known = series()
    for query in queries():
        bare = re.sub(r'"[^"]*"', '""', query)
        names = re.findall(r"\b(allocast_\w+|up|process_\w+)\b", bare)
        assert names, query
        for name in names:
            assert name in known or name in OF_PROMETHEUS, f"{query}: {name}"
        for name, labels in selected(bare):
            assert labels <= known.get(name, ADDED), f"{query}: {name}"
        grouped = re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right) *\(([^)]*)\)", bare)
        allowed = set.union(*(known.get(name, ADDED) for name in names))
        assert {part.strip() for group in grouped for part in group.split(",")} <= allowed, query


def selected(query: str) -> list[tuple[str, set[str]]]:
    """The labels that each selector names.

    >>> [(name, sorted(labels)) for name, labels in selected('up{job="a", instance!~"b"} + sum(x{c=""})')]
    [('up', ['instance', 'job']), ('x', ['c'])]
    """
    selectors = re.findall(r"(\w+){([^}]*)}", re.sub(r'"[^"]*"', '""', query))
    return [(name, set(re.findall(r"(\w+) *[=!]", inside))) for name, inside in selectors]


def test_what_is_shown_is_what_is_there() -> None:
    """No metric that nobody looks at: each is in a panel or in an alert, or names what one is divided by."""
    text = " ".join(queries())
    unseen = {
        name
        for name in series()
        if name.removesuffix("_sum").removesuffix("_count").removesuffix("_bucket") not in text
    }
    assert unseen <= {
        "allocast_frames_published_total",
        "allocast_records_read_total",
        "allocast_online_rows_total",
        "allocast_retrainings_asked_total",
        "allocast_training_seconds_bucket",
        "allocast_training_seconds_sum",
        "allocast_training_seconds_count",
        "allocast_forecasts_logged_total",
        "allocast_model_created_timestamp_seconds",
        "allocast_ready",  # of rollouts
    }


def test_every_alert_says_what_to_do() -> None:
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["summary"]
            assert rule["annotations"]["repair"]
            assert rule["labels"]["severity"] in ("page", "warn")


def test_every_service_is_scraped_where_it_serves() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    base = int(compose["x-env"]["ALLOCAST_METRICS_PORT"])
    scraped = {
        job["job_name"]: (one["names"], one["port"])
        for job in PROMETHEUS["scrape_configs"]
        for one in job["dns_sd_configs"]
    }
    for number, service in enumerate(metrics.SERVICES):
        assert scraped[service] == ([service], base + number)
    assert scraped["dashboard"] == (["dashboard"], int(compose["x-env"]["ALLOCAST_PORT"]))


def test_metrics_are_registered_once() -> None:
    names = [family.name for family in REGISTRY.collect()]
    assert len(names) == len(set(names))
