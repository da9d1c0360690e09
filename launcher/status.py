"""`allocast status`: what runs, since when, with how much memory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from launcher import run_file
from launcher.examine_state import scrape
from launcher.plan import SERVICES
from launcher.probes import page_answers
from launcher.process_table import rss_bytes
from launcher.supervisor_client import ProcessState, SupervisorClient
from producers.errors import TryAgain
from producers.feed_health import as_json, newest_report
from producers.settings import Settings, load_settings


def status(state: Path) -> dict[str, Any]:
    """The running `allocast up` of a state folder as one JSON object; only `running` and `state_dir` when none.

    `feed_report`: what the producer says (producers/feed_report.py); null before its first word.
    `services`: state, pid (null when there is none), uptime_s and memory_bytes with children, of each.
    """
    nothing: dict[str, Any] = {"running": False, "state_dir": str(state)}
    if not run_file.is_held(state):
        return nothing
    run = run_file.read(state)
    if run is None:
        return nothing
    try:
        states = SupervisorClient(Path(run.supervisor_socket)).states()
    except TryAgain:
        return nothing
    reported = newest_report(load_settings())
    return {
        "running": True,
        "state_dir": str(state),
        "url": run.url,
        "page_answers": page_answers(run.url),
        "feed": run.feed if reported is None else reported.feed,
        "feed_report": as_json(reported),
        "broker": run.broker,
        "redis": run.redis,
        "kafka_bootstrap_servers": run.kafka_bootstrap_servers,
        "pid": run.pid,
        "logs": run.logs,
        "started_ms": run.started_ms,
        "services": {name: _service(states.get(name)) for name in SERVICES},
        "figures": figures(load_settings(metrics_port=run.metrics_port)),
    }


def figures(settings: Settings) -> dict[str, float | None]:
    """What the services count, since their start; None of a service that does not answer.

    freshness_s : mean time from a live frame's publication to its features being readable.
    """
    worker, producer = scrape(settings, "worker") or {}, scrape(settings, "producer") or {}
    monitor, training = scrape(settings, "monitor") or {}, scrape(settings, "training") or {}
    frames = worker.get("allocast_freshness_seconds_count")
    return {
        "ticks_published": _total(producer, "allocast_ticks_published_total"),
        "ticks_applied": _total(worker, "allocast_ticks_applied_total"),
        "lag_records": _total(worker, "allocast_lag_records"),
        "dead_letters": _total(worker, "allocast_dead_letters_total", missing=0.0 if worker else None),
        "symbols": _total(worker, "allocast_symbols"),
        "freshness_s": worker["allocast_freshness_seconds_sum"] / frames if frames else None,
        "outcomes_scored": _total(
            monitor, "allocast_outcomes_scored_total", missing=0.0 if monitor else None
        ),
        "forecasts_logged": _total(training, "allocast_forecasts_logged_total"),
        "training": _total(training, "allocast_training_running"),
    }


def _total(samples: dict[str, float], name: str, missing: float | None = None) -> float | None:
    found = [value for key, value in samples.items() if key.partition("{")[0] == name]
    return sum(found) if found else missing


def _service(state: ProcessState | None) -> dict[str, Any]:
    if state is None:  # a store that was there before us
        return {"state": "EXTERNAL", "pid": None, "uptime_s": None, "memory_bytes": None}
    return {
        "state": state.state,
        "pid": state.pid or None,
        "uptime_s": state.up_s,
        "memory_bytes": rss_bytes(state.pid) if state.pid else 0,
    }


def lines(found: dict[str, Any]) -> list[str]:
    """The same for people, one line per service."""
    if not found["running"]:
        return [
            f"nothing runs in {found['state_dir']}; `allocast up` starts everything",
            "services that were started otherwise: `allocast doctor`",
        ]
    table = [f"{'service':<10} {'state':<9} {'pid':>7} {'up':>9} {'memory':>9}"]
    for name, one in found["services"].items():
        pid = one["pid"] or "-"
        up = "-" if one["uptime_s"] is None else f"{one['uptime_s']} s"
        memory = "-" if one["memory_bytes"] is None else f"{one['memory_bytes'] / 2**20:.0f} MiB"
        table.append(f"{name:<10} {one['state']:<9} {pid:>7} {up:>9} {memory:>9}")
    summary = f"{found['url']}  feed {found['feed']}, broker {found['broker']}, redis {found['redis']}"
    counted = ", ".join(
        f"{name.replace('_', ' ')} {value:.3g}"
        if name == "freshness_s"
        else f"{name.replace('_', ' ')} {value:.0f}"
        for name, value in found["figures"].items()
        if value is not None
    )
    return [
        *table,
        *([counted] if counted else []),
        summary,
        *_feed_lines(found["feed_report"]),
        f"logs: {found['logs']}",
    ]


def _feed_lines(report: dict[str, Any] | None) -> list[str]:
    if report is None:
        return []
    since_s = (time.time() * 1000 - report["since_ms"]) / 1000
    said = f"prices: {report['feed']}, {report['state']} for {since_s:.0f} s"
    if report["asked"] != report["feed"]:
        said += f" (asked for {report['asked']})"
    return [
        said + (f": {report['detail']}" if report.get("detail") else ""),
        *filter(None, [report.get("offered")]),
    ]
