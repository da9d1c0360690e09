"""Many viewers of the page at once: WebSocket clients that say what Dash's own client says."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from typing import Any, cast

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from benchmarks.machine import percentiles

SOCKET = "_dash-ws-callback"
ANSWER_EVERY_S = 2.0  # an open page asks as often when prices move


class Counting(ClientConnection):
    """Counts what the socket receives as it is on the wire, compressed."""

    received = 0

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        super().data_received(data)


async def crowd(page: str, viewers: int, seconds: float) -> dict[str, Any]:
    """Every viewer follows the socket and asks for its own forecast again and again."""
    callbacks = await dependencies(page)
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


async def dependencies(page: str) -> list[dict[str, Any]]:
    """The page's callbacks."""
    async with aiohttp.ClientSession() as session, session.get(page + "_dash-dependencies") as answer:
        found: list[dict[str, Any]] = await answer.json()
    return found


async def viewer(page: str, callbacks: list[dict[str, Any]], number: int, seconds: float) -> dict[str, Any]:
    """Delay of each pulse (its own clock against ours: one machine) and of each answer; bytes received."""
    found: dict[str, Any] = {"pulse_s": [], "answer_s": [], "bytes": 0}
    callback = next(one["output"] for one in callbacks if one.get("persistent"))
    asked = {
        "type": "callback_request",
        "rendererId": f"r{number}",
        "requestId": f"q{number}",
        "payload": {"output": callback, "outputs": [], "inputs": [], "changedPropIds": [], "state": []},
    }
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,  # what counts is the size on the wire
        connect(
            page.replace("http", "ws", 1) + SOCKET,
            origin=Origin(page.rstrip("/")),
            create_connection=Counting,  # it offers compression, as browsers do
        ) as socket,
    ):
        await socket.send(json.dumps(asked))
        asking = asyncio.create_task(
            ask_again(session, page, question(callbacks, number), number, seconds, found)
        )
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                text = await asyncio.wait_for(socket.recv(), left)
            except TimeoutError:
                break
            now = time.time() * 1000
            for at in pulse_moments(json.loads(text)):
                found["pulse_s"].append(max(0.0, now - at) / 1000)
        await asking
        found["bytes"] += cast(Counting, socket).received
    return found


def pulse_moments(message: Any) -> list[float]:
    """Every `now_ms` in a message, however Dash has wrapped it."""
    if isinstance(message, dict):
        own = [float(message["now_ms"])] if "now_ms" in message else []
        return own + [one for value in message.values() for one in pulse_moments(value)]
    if isinstance(message, list):
        return [one for value in message for one in pulse_moments(value)]
    return []


def lasting_of(body: bytes) -> str | None:
    """What an answer says of the model, which the browser sends back; None when it is what it was."""
    plain = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    told = json.loads(plain)["response"]["answer"]["data"]
    return next((str(value) for component, _, value in told if component == "lasting"), None)


async def ask_again(
    session: aiohttp.ClientSession,
    page: str,
    asked: dict[str, Any],
    number: int,
    seconds: float,
    found: dict[str, Any],
) -> None:
    """The page's own callback, with weights that no other viewer has, over one kept connection."""
    deadline = time.monotonic() + seconds
    await asyncio.sleep(ANSWER_EVERY_S * number / 50)
    while time.monotonic() < deadline:
        started = time.perf_counter()
        async with session.post(page + "_dash-update-component", json=asked) as answer:
            body = await answer.read()
            if answer.status != 200:
                raise RuntimeError(f"the page answered {answer.status}")
        found["answer_s"].append(time.perf_counter() - started)
        for one in asked["state"]:
            one["value"] = lasting_of(body) or one["value"]
        found["bytes"] += len(body) + sum(len(name) + len(value) + 4 for name, value in answer.raw_headers)
        await asyncio.sleep(max(0.0, ANSWER_EVERY_S - (time.perf_counter() - started)))


def question(callbacks: list[dict[str, Any]], number: int, lasting: str = "") -> dict[str, Any]:
    """What the browser sends when prices moved: every field of the form, and what it was told of the model."""
    asked = next(one for one in callbacks if one["output"] == "answer.data")
    gold = 10 + number % 50
    form: dict[str, Any] = {
        **{
            "amount": 10_000,
            "horizon": "6m",
            "real": True,
            "fee": 0,
            "rebalance": "none",
            "deposit": "fixed",
            "currency": "",
        },
        **{"weight-gold": gold, "weight-nasdaq": 60 - gold, "weight-sp500": 20, "weight-cash": 20},
    }
    parts = [one.rsplit(".", 1) for one in asked["output"].strip(".").split("...")]
    return {
        "output": asked["output"],
        "outputs": [{"id": name, "property": prop} for name, prop in parts],
        "inputs": [{**one, "value": form.get(one["id"], 0)} for one in asked["inputs"]],
        "changedPropIds": ["go-money.data"],
        "state": [{**one, "value": lasting} for one in asked["state"]],
    }
