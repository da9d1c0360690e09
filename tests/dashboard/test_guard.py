"""The guard in front of every request: sessions that end and are renewed, rates of people and programs."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Any

import pytest
from pydantic import SecretStr

from dashboard.access import SESSION_S, Access, AccessSettings, decide
from dashboard.guard import PER_MINUTE, Guard
from tests.dashboard.talking import WIDE


def asgi(
    guard: Guard,
    session: dict[str, Any],
    path: str = "/",
    kind: str = "http",
    method: str = "GET",
    **headers: str,
) -> list[Any]:
    """What a request with a session gets from the guard: the messages it sends."""
    sent: list[Any] = []

    async def receive() -> Any:
        if kind == "websocket":
            await asyncio.Event().wait()
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": b"",
        "session": session,
        "client": ("10.0.0.9", 1),
        "headers": [(name.encode(), value.encode()) for name, value in {"host": "x", **headers}.items()],
    }
    asyncio.run(asyncio.wait_for(guard(scope, receive, send), 10))
    return sent


async def answering(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers at once, or holds its socket until that ends."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        return
    assert (await receive())["type"] == "websocket.disconnect"
    await send({"type": "websocket.send", "text": "too late"})


def keyed() -> Access:
    return decide(AccessSettings(login="required", viewer_password=SecretStr("just-look")), WIDE)


def test_a_session_in_use_is_renewed_in_its_second_half() -> None:
    guard, now = Guard(answering, keyed()), int(time.time())
    young = {"role": "viewer", "id": "a", "at": now - SESSION_S // 4}
    old = {"role": "viewer", "id": "a", "at": now - SESSION_S // 2 - 60}
    for session in (young, old):
        assert asgi(guard, session)[0]["status"] == 200
    assert young["at"] == now - SESSION_S // 4
    assert old["at"] >= now


def test_a_socket_ends_with_its_session() -> None:
    guard = Guard(answering, keyed())
    over = {"role": "viewer", "id": "a", "at": int(time.time()) - SESSION_S}
    assert asgi(guard, over, kind="websocket") == [
        {"type": "websocket.close", "code": 1008, "reason": "login"}
    ]


def test_people_behind_one_address_do_not_slow_each_other_down() -> None:
    guard, now = Guard(answering, keyed()), int(time.time())

    def status(name: str) -> int:
        return int(asgi(guard, {"role": "viewer", "id": name, "at": now}, "/download/x")[0]["status"])

    assert [status("a") for _ in range(PER_MINUTE["/download/"] + 1)][-1] == 429
    assert status("b") == 200


def test_programs_have_their_own_rate_and_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.guard.KEPT_PROGRAMS", 2)
    guard = Guard(answering, keyed())
    names = [base64.b64encode(f"{n}:just-look".encode()).decode() for n in range(3)]
    for name in names:
        assert asgi(guard, {}, authorization=f"Basic {name}")[0]["status"] == 200
    assert len(guard._programs) == 2
    asked = [asgi(guard, {}, "/download/x", authorization=f"Basic {names[2]}") for _ in range(31)]
    assert [one[0]["status"] for one in asked] == [200] * 30 + [429]
    assert asgi(guard, {}, "/download/x", authorization=f"Basic {names[1]}")[0]["status"] == 200


def test_who_looks_at_the_form_locks_nobody_out() -> None:
    guard = Guard(answering, keyed())

    def status(method: str) -> int:
        return int(asgi(guard, {}, "/login", method=method, **{"content-length": "0"})[0]["status"])

    assert {status("GET") for _ in range(5 * PER_MINUTE["/login"])} == {200}
    assert [status("POST") for _ in range(PER_MINUTE["/login"] + 1)][-2:] == [200, 429]
