"""From `allocast up` to a first forecast, to the LSTM in the pool; time and memory of a training; memory of all.

The forecast is computed here from the online store and the model directory, by the code the page uses.
"""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import spread
from benchmarks.whole_system import allocast_up
from launcher.process_table import rss_bytes
from launcher.run_file import read
from launcher.supervisor_client import SupervisorClient
from producers.errors import AllocastError
from producers.settings import load_settings
from producers.universe import load_universe
from training.answer import ask
from training.answering import answer
from training.champion import ChampionWatcher

EQUAL = {"gold": 20.0, "nasdaq": 20.0, "sp500": 20.0, "bitcoin": 20.0, "cash": 20.0}
ENDED = re.compile(r"training ended after (\d+) s, peak memory (\d+) MiB")


def once(feed: list[str]) -> dict[str, Any]:
    """One start from an empty state folder."""
    import feature_repo.online_store  # noqa: F401  # feast's imports are not part of what is measured

    started = time.perf_counter()
    with allocast_up(*feed) as system:
        folder = system.folder
        system.wait_for(lambda: _forecast(folder), "a forecast")
        forecast_s = time.perf_counter() - started
        system.wait_for(lambda: _trained(folder), "the LSTM in the pool")
        lstm_s = time.perf_counter() - started
        training_log = folder / "logs" / "training.log"
        found = system.wait_for(
            lambda: ENDED.search(training_log.read_text()), "the end of the training's process"
        )
        run = system.wait_for(lambda: read(folder), "what it tells of itself")
        states = SupervisorClient(Path(run.supervisor_socket)).states()
        memory = {state.name: rss_bytes(state.pid) / 2**20 for state in states.values() if state.pid}
    return {
        "first_forecast_s": forecast_s,
        "lstm_s": lstm_s,
        "training_s": float(found[1]),
        "training_peak_mib": float(found[2]),
        "memory_mib": memory,
    }


def _forecast(folder: Path) -> bool:
    from feature_repo.online import FeastReader

    universe = load_universe()
    champion = ChampionWatcher(folder / "models", universe).current()
    if champion is None:
        return False
    try:
        rows = FeastReader(load_settings()).read(universe.symbols)
        answer(ask(10_000, EQUAL, "6m", universe), champion, rows, int(time.time() * 1000), universe)
    except AllocastError:
        return False
    return True


def _trained(folder: Path) -> bool:
    champion = ChampionWatcher(folder / "models", load_universe()).current()
    return champion is not None and champion.has_lstm


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `allocast bench startup`."""
    parser.add_argument("--repeat", type=int, default=3, help="starts [default: %(default)s]")
    parser.add_argument("--feed", default="simulated", help="simulated, or a folder of CSV files")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Medians of some starts."""
    simulated = options.feed == "simulated"
    feed = ["--feed", "simulated"] if simulated else ["--feed", "csv", "--data", options.feed]
    found = [once(feed) for _ in range(options.repeat)]
    result: dict[str, Any] = {"feed": "simulated" if simulated else "csv"}
    for name in ("first_forecast_s", "lstm_s", "training_s", "training_peak_mib"):
        result |= spread([one[name] for one in found], name)
    result["memory"] = {
        service: spread([one["memory_mib"].get(service, 0.0) for one in found], "rss_mib")
        for service in found[0]["memory_mib"]
    }
    return result
