"""The page as its viewers have it: start, memory, first paint, a changed weight, fifty viewers at once.

The whole system runs on the simulated feed; the page measured is a process of its own beside it. One real browser,
then WebSocket clients that say what Dash's own client says. The browser part needs playwright and chromium (both
are there after `make test`) and is left out without them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.machine import percentiles
from benchmarks.saying import say
from benchmarks.services import process
from launcher.free_port import LOOPBACK, free_ports
from launcher.process_table import rss_bytes
from launcher.run_file import read

DEADLINE_S = 600.0
CHROMIUM = Path("/usr/bin/chromium")
SOCKET = "_dash-ws-callback"
ANSWER_EVERY_S = 2.0  # an open page asks as often when prices move
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
    with tempfile.TemporaryDirectory(prefix="allocast-bench-") as name:
        folder = Path(name)
        command = [
            sys.executable,
            "-m",
            "launcher.cli",
            "up",
            "--state-dir",
            name,
            "--port",
            "0",
            "--feed",
            "simulated",
        ]
        with (folder / "up.log").open("wb") as log:
            system = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            lstm = Path(name) / "models" / "champion" / "model.onnx"
            wait_for(lstm.exists, "the LSTM in the pool")  # its training would be measured, too
            say("the system runs")
            return measure(folder, options)
        finally:
            system.send_signal(signal.SIGINT)
            system.wait(60)


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Start the page's process and look at it."""
    run_ = read(folder)
    (port,) = free_ports(1)
    page = f"http://{LOOPBACK}:{port}/"
    told = {
        **os.environ,
        "ALLOCAST_STATE_DIR": str(folder),
        "ALLOCAST_HOST": LOOPBACK,
        "ALLOCAST_PORT": str(port),
    }
    assert run_ is not None  # noqa: S101  # it runs
    started = time.perf_counter()
    with process([sys.executable, "-O", "-m", "dashboard"], folder / "page.log", told) as pid:
        wait_for(lambda: answers(page + "healthz"), "the page")
        result: dict[str, Any] = {"start_s": time.perf_counter() - started}
        body = json.dumps(QUESTION).encode()
        wait_for(lambda: answers(page + "api/forecast", body), "a forecast")
        result["start_to_forecast_s"] = time.perf_counter() - started
        result["rss_mib"] = rss_bytes(pid) / MIB
        if importlib.util.find_spec("playwright") and CHROMIUM.exists():
            result |= in_browser(page, options.changes)
            say("browser measured")
        before = rss_bytes(pid)
        result |= asyncio.run(crowd(page, options.viewers, options.seconds))
        result |= {"rss_with_viewers_mib": rss_bytes(pid) / MIB, "grown_mib": (rss_bytes(pid) - before) / MIB}
    return result


def wait_for(condition: Any, what: str) -> None:
    """Poll until true. Raises TimeoutError."""
    deadline = time.perf_counter() + DEADLINE_S
    while not condition():
        if time.perf_counter() > deadline:
            raise TimeoutError(f"no sign of {what} within {DEADLINE_S:g} s")
        time.sleep(0.05)


def answers(address: str, body: bytes | None = None) -> bool:
    """Whether a request is answered with success."""
    with contextlib.suppress(OSError):
        request = urllib.request.Request(address, body, {"content-type": "application/json"})  # noqa: S310 - ours
        with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - as above
            return True
    return False


TEXT = "document.querySelector('#profit-median')?.textContent"
# Presses the key on a slider and waits, in the browser, until the figures have changed.
CHANGE = """key => new Promise(done => {
  const shown = document.querySelector('#profit-mean'), slider = document.querySelector('#slider-gold [role=slider]');
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
        # The sum stays 100: what gold gains the deposit loses, with one key each; only the second is timed.
        taken = []
        for at in range(changes):
            first, second = ("ArrowRight", "ArrowLeft") if at % 2 else ("ArrowLeft", "ArrowRight")
            cash = tab.locator("#slider-cash [role=slider]")
            cash.press(second)
            tab.wait_for_timeout(400)
            taken.append(tab.evaluate(CHANGE, first) / 1000)
        browser.close()
    found = {f"weight_change_{name}": value for name, value in percentiles(taken).items()}
    return {"first_paint_s": paint, "first_figures_s": figures_s, **found}


async def crowd(page: str, viewers: int, seconds: float) -> dict[str, Any]:
    """Every viewer follows the socket and asks for its own forecast again and again."""
    callbacks = dependencies(page)
    gathered = await asyncio.gather(*[viewer(page, callbacks, at, seconds) for at in range(viewers)])
    pulses = [one for found in gathered for one in found["pulse_s"]]
    replies = [one for found in gathered for one in found["answer_s"]]
    received = [found["bytes"] / seconds for found in gathered]
    return {
        "viewers": viewers,
        "seconds": seconds,
        "pulses_per_s_and_viewer": len(pulses) / seconds / viewers,
        **{f"pulse_{name}": value for name, value in percentiles(pulses).items()},
        **{f"answer_{name}": value for name, value in percentiles(replies).items()},
        "payload_bytes_per_s_and_viewer": sum(received) / len(received),
    }


def dependencies(page: str) -> list[dict[str, Any]]:
    """The page's callbacks."""
    with urllib.request.urlopen(page + "_dash-dependencies", timeout=10) as answer:  # noqa: S310 - ours
        found: list[dict[str, Any]] = json.loads(answer.read())
    return found


async def viewer(page: str, callbacks: list[dict[str, Any]], number: int, seconds: float) -> dict[str, Any]:
    """Delay of each pulse (its own clock against ours: one machine) and of each answer; bytes received."""
    from websockets.asyncio.client import connect

    found: dict[str, Any] = {"pulse_s": [], "answer_s": [], "bytes": 0}
    host = page.removeprefix("http://").rstrip("/")
    callback = next(one["output"] for one in callbacks if one.get("persistent"))
    asked = {
        "type": "callback_request",
        "rendererId": f"r{number}",
        "requestId": f"q{number}",
        "payload": {"output": callback, "outputs": [], "inputs": [], "changedPropIds": [], "state": []},
    }
    async with connect(f"ws://{host}/{SOCKET}", origin=f"http://{host}", compression=None) as socket:  # type: ignore[arg-type]
        await socket.send(json.dumps(asked))
        asking = asyncio.create_task(ask_again(page, question(callbacks, number), number, seconds, found))
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                text = await asyncio.wait_for(socket.recv(), left)
            except TimeoutError:
                break
            now = time.time() * 1000
            found["bytes"] += len(text)
            for at in pulse_moments(json.loads(text)):
                found["pulse_s"].append(max(0.0, now - at) / 1000)
        await asking
    return found


def pulse_moments(message: Any) -> list[float]:
    """Every `now_ms` in a message, however Dash has wrapped it."""
    if isinstance(message, dict):
        own = [float(message["now_ms"])] if "now_ms" in message else []
        return own + [one for value in message.values() for one in pulse_moments(value)]
    if isinstance(message, list):
        return [one for value in message for one in pulse_moments(value)]
    return []


async def ask_again(
    page: str, asked: dict[str, Any], number: int, seconds: float, found: dict[str, Any]
) -> None:
    """The page's own callback, with weights that no other viewer has, over one kept connection."""
    host, _, port = page.removeprefix("http://").rstrip("/").partition(":")
    deadline = time.monotonic() + seconds
    await asyncio.sleep(ANSWER_EVERY_S * number / 50)
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps(asked).encode()
    head = (
        f"POST /_dash-update-component HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: application/json\r\n"
        f"accept-encoding: gzip\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode()
    while time.monotonic() < deadline:
        started = time.perf_counter()
        writer.write(head + body)
        status, size = await read_answer(reader)
        if status != 200:
            raise RuntimeError(f"the page answered {status}")
        found["answer_s"].append(time.perf_counter() - started)
        found["bytes"] += size
        await asyncio.sleep(max(0.0, ANSWER_EVERY_S - (time.perf_counter() - started)))
    writer.close()


def question(callbacks: list[dict[str, Any]], number: int) -> dict[str, Any]:
    """What the browser sends when prices moved: every field of the form."""
    asked = next(one for one in callbacks if "profit-median.children" in one["output"])
    gold = 10 + number % 50
    form: dict[str, Any] = {
        **{"amount": 10_000, "horizon": "6m", "real": True, "fee": 0, "rebalance": "none", "currency": ""},
        **{"weight-gold": gold, "weight-nasdaq": 60 - gold, "weight-sp500": 20, "weight-cash": 20},
    }
    parts = [one.rsplit(".", 1) for one in asked["output"].strip(".").split("...")]
    return {
        "output": asked["output"],
        "outputs": [{"id": name, "property": prop} for name, prop in parts],
        "inputs": [{**one, "value": form.get(one["id"], 0)} for one in asked["inputs"]],
        "changedPropIds": ["tick.data"],
    }


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, int]:
    """Status and bytes on the wire of one HTTP/1.1 answer, in one piece or in chunks."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = len(head)
    lengths = [int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    if lengths:
        size += len(await reader.readexactly(lengths[0]))
    else:
        while True:
            line = await reader.readuntil(b"\r\n")
            chunk = await reader.readexactly(int(line, 16) + 2)
            size += len(line) + len(chunk)
            if len(chunk) == 2:
                break
    return int(head.split()[1]), size
