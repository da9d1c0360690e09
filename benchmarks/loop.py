"""The whole loop once: a simulated market crashes, the alarm, the training, the gate, the shadow, the new model on the page.

As the README says to see it, with the shadow of ten sessions that the simulated feed has. Then both models' logged
forecasts of the same sessions are scored against each other.
"""

from __future__ import annotations

import argparse
import json
import time
from http.client import HTTPConnection
from typing import Any

from benchmarks.saying import say
from benchmarks.whole_system import DEADLINE_S, WholeSystem, allocast_up
from launcher.run_file import read
from launcher.topic_reader import Seen, tail
from launcher.topic_start import OLDEST
from producers import topics
from producers.errors import TryAgain
from producers.kafka_client import client_config
from producers.settings import load_settings
from training.already_logged import logged_forecasts
from training.duel import Duel, Standing

QUESTION = {"amount": 10_000, "weights": {"gold": 50, "sp500": 50}, "horizon": "3m"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `allocast bench loop`."""
    parser.add_argument(
        "--speed", type=float, default=0.5, help="simulated sessions per second [default: %(default)s]"
    )
    parser.add_argument(
        "--sessions", type=int, default=42, help="forecast by both models and scored [default: %(default)s]"
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Times by the broker's clock, from the report that raised the alarm."""
    feed = ("--feed", "simulated", "--shock", "--speed", f"{options.speed:g}", "--replay", "600")
    with allocast_up(*feed) as system:
        system.wait_for((system.folder / "models" / "champion").exists, "a first model")
        say("the system runs; a crash is to come")
        request = system.wait_for(_asked, "a request for a training because of drift", every_s=1.0)[0]
        # The request is sent before the report that says so.
        alarm = system.wait_for(_alarms, "the report that asked for it", every_s=1.0)[0]
        say(f"alarm: {alarm.value['detector']} of {alarm.value['asset']}")
        final = system.wait_for(_final, "the end of the training and its shadow", 2 * DEADLINE_S, 1.0)[0]
        say(f"{final.value['kind']}: {final.value['detail']}")
        result = {
            "sessions_per_s": options.speed,
            "alarm": f"{alarm.value['detector']} of {alarm.value['asset']}",
            "ended": final.value["kind"],
            "alarm_to_trained_s": _first(("trained",), request).at_ms / 1000 - alarm.at_ms / 1000,
            "alarm_to_end_s": final.at_ms / 1000 - alarm.at_ms / 1000,
        }
        if final.value["kind"] != "promoted":  # by chance one sound challenger in twenty
            return result | {"detail": final.value["detail"]}
        trained = final.value
        system.wait_for(lambda: _on_page(system) == trained["version"], "the new model on the page")
        result["alarm_to_page_s"] = time.time() - alarm.at_ms / 1000
        since = _first(("trained",), request).at_ms

        def scored() -> Standing:
            duel = Duel(trained["version"], trained["replaced"], since)
            for forecast in logged_forecasts(client_config(load_settings())):
                duel.add(forecast)
            return duel.standing()

        system.wait_for(
            lambda: scored().sessions >= options.sessions, "forecasts of both models", every_s=1.0
        )
        standing = scored()
        return result | {
            "shadow_sessions": trained["report"]["sessions"],
            "scored_sessions": standing.sessions,
            "crps_old": standing.crps_old,
            "crps_new": standing.crps_new,
            "crps_saved": 1 - standing.crps_new / standing.crps_old,
            "t_of_being_worse": standing.t,
        }


def _seen(topic: str) -> list[Seen]:
    """Everything in a topic so far; nothing while the broker starts."""
    try:
        return list(tail(load_settings(), topic, start=OLDEST, follow=False))
    except TryAgain:
        return []


def _alarms() -> list[Seen]:
    return [one for one in _seen(topics.DRIFT) if one.value.get("triggers")]


def _asked() -> list[Seen]:
    return [one for one in _seen(topics.REQUESTS) if one.value["reason"] == "drift"]


def _events(kinds: tuple[str, ...]) -> list[Seen]:
    found = [one for one in _seen(topics.MODEL_EVENTS) if one.value["reason"] == "drift"]
    return [one for one in found if one.value["kind"] in kinds]


def _final() -> list[Seen]:
    return [one for one in _events(("promoted", "rejected", "failed")) if one.value.get("final")]


def _first(kinds: tuple[str, ...], request: Seen) -> Seen:
    key = request.value["idempotency_key"]
    return next(one for one in _events(kinds) if one.value.get("idempotency_key") == key)


def _on_page(system: WholeSystem) -> str:
    """The version that the page answers with; empty while it does not."""
    found = read(system.folder)
    host = found.url.removeprefix("http://").rstrip("/") if found else ""
    connection = HTTPConnection(host, timeout=30)
    try:
        connection.request(
            "POST", "/api/forecast", json.dumps(QUESTION), {"content-type": "application/json"}
        )
        answer = connection.getresponse()
        said = json.loads(answer.read())
        return str(said["model"]["version"]) if answer.status == 200 else ""
    finally:
        connection.close()
