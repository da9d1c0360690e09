"""Who gets in, what is refused, and the HTTP interface, against the real server."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr
from websockets.sync.client import connect
from websockets.typing import Origin

from dashboard.access import SESSION_S, Access, AccessSettings, decide, load_access
from dashboard.guard import PER_MINUTE, Guard
from producers.errors import FixAndRestart
from tests import asking
from tests.asking import Answer
from tests.dashboard.conftest import Site
from tests.dashboard.stubs.forecasts import champion
from tests.dashboard.stubs.market import rows
from tests.dashboard.stubs.source import StubSource

WIDE = str(IPv4Address(0))  # every address; decided about, never bound
QUESTION = {"amount": 10_000, "weights": {"gold": 60, "cash": 40}, "horizon": "6m"}
OPERATOR = {"authorization": "Basic b3BlcmF0b3I6b3Blbi1zZXNhbWU="}  # operator:open-sesame
VIEWER = {"authorization": "Basic dmlld2VyOmp1c3QtbG9vaw=="}  # viewer:just-look


def ask(site: Site, path: str, body: Any = None, **headers: str) -> Answer:
    """Of a program that does not say what its body is, unless a test does."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    return asking.ask(
        site.url + path, data, {name.replace("_", "-"): value for name, value in headers.items()}
    )


@pytest.fixture(scope="module")
def open_site() -> Iterator[Site]:
    running = Site(StubSource(*rows(), champion=champion()))
    running.start()
    running.poller.step()
    yield running
    running.stop()


@pytest.fixture
def guarded() -> Iterator[Site]:
    settings = AccessSettings(
        login="required",
        operator_password=SecretStr("open-sesame"),
        viewer_password=SecretStr(PasswordHasher().hash("just-look")),
    )
    running = Site(StubSource(*rows(), champion=champion()), access=decide(settings, "127.0.0.1"))
    running.start()
    running.poller.step()
    yield running
    running.stop()


@pytest.mark.parametrize(
    ("host", "login", "password", "required"),
    [
        ("127.0.0.1", "auto", None, False),
        ("::1", "auto", None, False),
        (WIDE, "auto", "x", True),
        (WIDE, "off", None, False),
        ("127.0.0.1", "required", "x", True),
    ],
)
def test_who_must_log_in(host: str, login: Any, password: str | None, required: bool) -> None:
    settings = AccessSettings(login=login, operator_password=SecretStr(password) if password else None)
    assert decide(settings, host).required is required


def test_a_page_for_others_without_a_password_does_not_start() -> None:
    with pytest.raises(FixAndRestart, match="ALLOCAST_OPERATOR_PASSWORD"):
        decide(AccessSettings(), "192.168.1.5")


def test_the_answer_is_that_of_the_command_line(open_site: Site) -> None:
    found = ask(open_site, "api/forecast", QUESTION)
    assert (found.status, found.headers["content-type"]) == (200, "application/json")
    assert found.json["horizon_sessions"] == 126
    assert set(found.json["real"]) == {"mean", "median", "p05", "p25", "p75", "p95", "prob_loss"}
    assert found.json["suggestion"] is None


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({**QUESTION, "amount": -5}, "amount"),
        ({**QUESTION, "amount": "x" * 10_000}, "amount"),
        ({**QUESTION, "weights": {"gold": 60}}, "sum to 100"),
        ({**QUESTION, "weights": {"shares": 100}}, "unknown asset"),
        ({**QUESTION, "weights": {"gold": None}}, "weights"),
        ({**QUESTION, "weights": {"gold": 1e308, "nasdaq": 1e308}}, "gold"),
        ({**QUESTION, "horizon": "9m"}, "horizon"),
        ({**QUESTION, "horizon": "m" * 10_000}, "horizon"),
        ({**QUESTION, "fee": 99}, "fee"),
        ({**QUESTION, "rebalance": "hourly"}, "rebalance"),
        ({**QUESTION, "deposit": "shares"}, "deposit"),
        ({**QUESTION, "more": 1}, "more"),
        ({}, "amount"),
        ([], "body"),
        (b'{"amount": NaN}', "body"),
        (b"\xff\xfe", "body"),
        (b"[" * 5_000, "body"),
    ],
)
def test_a_wrong_question_gets_one_sentence(open_site: Site, body: Any, word: str) -> None:
    found = ask(open_site, "api/forecast", body)
    assert found.status == 422
    assert word in found.json["error"]
    assert len(found.body) < 700


def test_the_interface_describes_itself_without_other_sites(open_site: Site) -> None:
    described = ask(open_site, "api/openapi.json").json
    assert "/forecast" in described["paths"]
    assert {"Question", "Answer", "Summary"} <= described["components"]["schemas"].keys()
    text = ask(open_site, "api/").body.decode()
    assert "POST /api/forecast" in text
    assert "https://" not in text


def test_downloads_follow_the_address(open_site: Site) -> None:
    found = ask(open_site, "download/figures.csv?amount=500&w=cash:100&h=1m")
    assert found.headers["content-disposition"] == 'attachment; filename="allocast-figures.csv"'
    lines = found.body.decode().splitlines()
    assert lines[0] == "money,trading_days,quantity,value"
    assert any(line.startswith("real,21,mean,") for line in lines)
    scenarios = ask(open_site, "download/scenarios.csv").body.decode().splitlines()
    assert scenarios[0].startswith("nominal_21,")
    assert len(scenarios) == 2_001
    assert ask(open_site, "download/figures.csv?amount=-1").status == 422


def test_probes_carry_no_data(open_site: Site) -> None:
    ask(open_site, "api/forecast", {**QUESTION, "amount": 98_765.0})
    text = ask(open_site, "metrics").body.decode()
    assert "allocast_page_forecasts_total" in text
    assert "98765" not in text
    assert "gold" not in text
    assert ask(open_site, "healthz", host="any.example").status == 200


def test_headers_forbid_what_the_page_does_not_need(open_site: Site) -> None:
    headers = ask(open_site, "").headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self' 'sha256-" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    figures = ask(open_site, "api/session").headers
    assert figures["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in figures


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
    ],
)
def test_other_sites_are_refused(open_site: Site, headers: dict[str, str], status: int) -> None:
    assert ask(open_site, "api/retrain", {}, **headers).status == status
    assert open_site.source.did == []


def test_a_body_has_a_limit(open_site: Site) -> None:
    assert ask(open_site, "api/forecast", b" " * 300_000).status == 413


def test_without_a_login_nothing_is_shown(guarded: Site) -> None:
    assert ask(guarded, "", accept="text/html").headers["location"] == "/login?next=%2F"
    assert ask(guarded, "_dash-layout").status == 401
    assert ask(guarded, "api/forecast", QUESTION).status == 401
    assert ask(guarded, "download/figures.csv").status == 401
    assert ask(guarded, "healthz").status == 200
    assert ask(guarded, "login").status == 200


def test_roles(guarded: Site) -> None:
    assert ask(guarded, "api/forecast", QUESTION, **VIEWER).status == 200
    assert ask(guarded, "api/retrain", {}, **VIEWER).status == 403
    assert ask(guarded, "api/session", **VIEWER).json["role"] == "viewer"
    assert ask(guarded, "api/retrain", {}, **OPERATOR).json == {"answer": "A retraining was asked for."}
    assert ask(guarded, "api/rollback", {"version": "v0"}, **OPERATOR).json["answer"] == "v0 answers again."
    assert ask(guarded, "api/rollback", {"version": "../x"}, **OPERATOR).status == 422
    assert guarded.source.did == ["retrain", "v0"]


def test_guessing_passwords_is_slowed_down(guarded: Site) -> None:
    seen = [ask(guarded, "login", f"password={n}".encode()).status for n in range(12)]
    assert seen == [403] * 10 + [429] * 2


def test_a_proxy_shows_the_page_under_its_own_name() -> None:
    settings = AccessSettings(login="off", public_origin="https://savings.example, http://10.0.0.7:8080")
    running = Site(StubSource(*rows(), champion=champion()), access=decide(settings, WIDE))
    running.start()
    try:
        running.poller.step()
        origin, port = "https://savings.example", running.port
        assert ask(running, "", host="savings.example").status == 200
        for host in ("savings.example", f"127.0.0.1:{port}"):  # a proxy may pass the name on or not
            found = ask(running, "api/forecast", QUESTION, host=host, origin=origin)
            assert found.status == 200, found.body
        assert ask(running, "", host="other.example").status == 421
        assert "ALLOCAST_PUBLIC_ORIGIN" in ask(running, "", host="other.example").json["error"]
        assert ask(running, "api/forecast", QUESTION, host="savings.example", origin="http://x").status == 403
        headers = {"Host": "savings.example"}
        address = f"ws://127.0.0.1:{port}/_dash-ws-callback"
        with connect(address, origin=Origin(origin), additional_headers=headers, open_timeout=10) as socket:
            assert socket.response.status_code == 101
    finally:
        running.stop()


@pytest.mark.parametrize("origin", ["savings.example", "https://savings.example/page", "ftp://x", "https://"])
def test_a_public_origin_is_checked_at_the_start(origin: str) -> None:
    with pytest.raises(FixAndRestart, match="ALLOCAST_PUBLIC_ORIGIN: expected scheme://host"):
        decide(AccessSettings(public_origin=origin), "127.0.0.1")


def asgi(
    guard: Guard, session: dict[str, Any], path: str = "/", kind: str = "http", **headers: str
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
        "method": "GET",
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


def test_a_password_may_be_a_file_among_the_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ALLOCAST_OPERATOR_PASSWORD").write_text("from a file\n")
    monkeypatch.setenv("ALLOCAST_SECRETS_DIR", str(tmp_path))
    assert load_access(WIDE).role_of("from a file") == "operator"
