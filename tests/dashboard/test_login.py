"""Who gets in: what is decided at the start, and what each role may do, against the real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr

from dashboard.access import AccessSettings, decide, load_access
from producers.errors import FixAndRestart
from tests.dashboard.running_page import Site
from tests.dashboard.stubs.forecasts import champion
from tests.dashboard.stubs.market import rows
from tests.dashboard.stubs.source import StubSource
from tests.dashboard.talking import OPERATOR, QUESTION, VIEWER, WIDE, ask

HASHED = PasswordHasher().hash("just-look")


@contextmanager
def page(session_secret: str | None = None) -> Iterator[Site]:
    """A page that asks for a login."""
    settings = AccessSettings(
        login="required",
        operator_password=SecretStr("open-sesame"),
        viewer_password=SecretStr(HASHED),
        session_secret=SecretStr(session_secret) if session_secret else None,
    )
    running = Site(StubSource(*rows(), champion=champion()), access=decide(settings, "127.0.0.1"))
    running.start()
    running.poller.step()
    yield running
    running.stop()


@pytest.fixture
def guarded() -> Iterator[Site]:
    with page() as running:
        yield running


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


@pytest.mark.parametrize("origin", ["savings.example", "https://savings.example/page", "ftp://x", "https://"])
def test_a_public_origin_is_checked_at_the_start(origin: str) -> None:
    with pytest.raises(FixAndRestart, match="ALLOCAST_PUBLIC_ORIGIN: expected scheme://host"):
        decide(AccessSettings(public_origin=origin), "127.0.0.1")


def test_a_password_may_be_a_file_among_the_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ALLOCAST_OPERATOR_PASSWORD").write_text("from a file\n")
    monkeypatch.setenv("ALLOCAST_SECRETS_DIR", str(tmp_path))
    assert load_access(WIDE).role_of("from a file") == "operator"


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


@pytest.mark.parametrize(("secret", "status"), [("ours", 200), ("another", 401), (None, 401)])
def test_a_login_is_known_to_the_pages_of_the_same_session_secret(secret: str | None, status: int) -> None:
    with page("ours") as first, page(secret) as second:
        form = {"content-type": "application/x-www-form-urlencoded"}
        logged_in = ask(first, "login", b"password=open-sesame", **form)
        session = logged_in.headers["set-cookie"].partition(";")[0]
        assert ask(first, "api/session", cookie=session).json["role"] == "operator"
        answer = ask(second, "api/session", cookie=session)
        assert answer.status == status
        assert status != 200 or answer.json["role"] == "operator"
