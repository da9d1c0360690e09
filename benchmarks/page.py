"""The page as its viewers have it: start, memory, first paint, a changed weight, fifty viewers at once.

The whole system runs on the simulated feed; the page measured is a process of its own beside it. One real browser,
then WebSocket clients that say what Dash's own client says. The browser part needs playwright and chromium (both
are there after `make test`) and is left out without them.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import sys
import time
from collections.abc import Coroutine
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.machine import percentiles
from benchmarks.page_viewers import crowd
from benchmarks.saying import say
from benchmarks.services import process
from benchmarks.whole_system import allocast_up
from launcher.free_port import LOOPBACK, free_ports
from launcher.process_table import rss_bytes

DEADLINE_S = 600.0
CHROMIUM = Path("/usr/bin/chromium")
QUESTION = {
    "amount": 10_000,
    "weights": {"gold": 40, "nasdaq": 30, "bitcoin": 20, "cash": 10},
    "horizon": "6m",
}
MIB = 2**20


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `allocast bench page`."""
    parser.add_argument("--viewers", type=int, default=50, help="[default: %(default)s]")
    parser.add_argument("--seconds", type=float, default=60.0, help="with all viewers [default: %(default)s]")
    parser.add_argument(
        "--changes", type=int, default=60, help="of a weight, in the browser [default: %(default)s]"
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Times in the server's or the browser's own clock; payload is what one viewer receives, as it is on the wire."""
    with allocast_up("--feed", "simulated") as system:
        lstm = system.folder / "models" / "champion" / "model.onnx"
        system.wait_for(lstm.exists, "the LSTM in the pool")  # its training would be measured, too
        say("the system runs")
        return measure(system.folder, options)


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Start the page's process and look at it."""
    (port,) = free_ports(1)
    page = f"http://{LOOPBACK}:{port}/"
    told = {
        **os.environ,
        "ALLOCAST_STATE_DIR": str(folder),
        "ALLOCAST_HOST": LOOPBACK,
        "ALLOCAST_PORT": str(port),
    }
    started = time.perf_counter()
    with process([sys.executable, "-O", "-m", "dashboard"], folder / "page.log", told) as pid:
        wait_for(lambda: answers(port, "/healthz"), "the page")
        result: dict[str, Any] = {"start_s": time.perf_counter() - started}
        body = json.dumps(QUESTION).encode()
        wait_for(lambda: answers(port, "/api/forecast", body), "a forecast")
        result["start_to_forecast_s"] = time.perf_counter() - started
        result["rss_mib"] = rss_bytes(pid) / MIB
        if importlib.util.find_spec("playwright") and CHROMIUM.exists():
            result |= in_browser(page, options.changes)
            say("browser measured")
        before = rss_bytes(pid)
        found, sizes = asyncio.run(watched(crowd(page, options.viewers, options.seconds), pid))
        warm = sizes[len(sizes) // 4 :]
        return result | {
            **found,
            "rss_with_viewers_mib": sizes[-1],
            "grown_mib": sizes[-1] - before / MIB,
            "grown_after_a_quarter_mib": fmean(warm[-len(warm) // 4 :]) - fmean(warm[: len(warm) // 4 or 1]),
        }


async def watched(work: Coroutine[Any, Any, dict[str, Any]], pid: int) -> tuple[dict[str, Any], list[float]]:
    """What comes of the work, and the resident memory of a process meanwhile, MiB, one value per second."""
    sizes = []
    task = asyncio.create_task(work)
    while not task.done():
        sizes.append(rss_bytes(pid) / MIB)
        await asyncio.wait([task], timeout=1.0)
    return task.result(), sizes


def wait_for(condition: Any, what: str) -> None:
    """Poll until true. Raises TimeoutError."""
    deadline = time.perf_counter() + DEADLINE_S
    while not condition():
        if time.perf_counter() > deadline:
            raise TimeoutError(f"no sign of {what} within {DEADLINE_S:g} s")
        time.sleep(0.05)


def answers(port: int, path: str, body: bytes | None = None) -> bool:
    """Whether a request is answered with success."""
    connection = HTTPConnection(LOOPBACK, port, timeout=30)
    try:
        connection.request("POST" if body else "GET", path, body, {"content-type": "application/json"})
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


TEXT = "document.querySelector('#profit-median')?.textContent"
# Presses the key on a slider and waits, in the browser, until the figures have changed.
CHANGE = """key => new Promise(done => {
  const shown = document.querySelector('#profit-range'), slider = document.querySelector('#slider-gold [role=slider]');
  const started = performance.now();
  const watch = new MutationObserver(() => { watch.disconnect(); done(performance.now() - started); });
  watch.observe(shown, {characterData: true, childList: true, subtree: true});
  slider.dispatchEvent(new KeyboardEvent('keydown', {key, code: key, bubbles: true}));
})"""


def in_browser(page: str, changes: int) -> dict[str, Any]:
    """First paint, first figures, and how long a changed weight takes until new figures stand on the page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page()
        tab.goto(page, wait_until="commit")
        wait_for(lambda: len(tab.evaluate(TEXT) or "") > 1, "figures")
        figures_s = tab.evaluate("performance.now()") / 1000
        paint = tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
        tab.wait_for_timeout(3_000)
        for name, key in (
            *dict.fromkeys(("nasdaq", "sp500", "bitcoin", "cash"), "Home").items(),
            ("gold", "End"),
        ):
            tab.locator(f"#slider-{name} [role=slider]").press(key)
        # All in gold and all in the deposit, in turn: the range is another one each time, whatever prices do. Meanwhile
        # the sum is not 100 and nothing is asked for; only the press that makes it so again is timed.
        cash = tab.locator("#slider-cash [role=slider]")
        taken = []
        for at in range(changes):
            first, second = ("End", "Home") if at % 2 else ("Home", "End")
            cash.press(second)
            tab.wait_for_timeout(400)
            taken.append(tab.evaluate(CHANGE, first) / 1000)
        browser.close()
    found = {f"weight_change_{name}": value for name, value in percentiles(taken).items()}
    return {"first_paint_s": paint, "first_figures_s": figures_s, **found}
