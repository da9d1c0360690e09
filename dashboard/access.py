"""Who may see the page and who may act on it.

On loopback nobody logs in: whoever is on this machine may do everything. Bound beyond it, or when asked for,
everybody logs in as `viewer` (sees) or `operator` (also retrains and rolls back). Passwords are checked with
Argon2; the session is a cookie signed by Starlette's SessionMiddleware.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.middleware.sessions import SessionMiddleware

from producers.errors import FixAndRestart
from producers.settings import StateFolder

VIEWER, OPERATOR = "viewer", "operator"
SESSION_S = 12 * 3600  # without a request; one in its second half renews it
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
LONGEST_PASSWORD = 200


class AccessSettings(BaseSettings):
    """Read once in `main`. A password is given in plain or as an Argon2 hash ($argon2id$...), in the environment
    or in a file of its name among the secrets."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="ALLOCAST_", extra="ignore")

    login: Literal["auto", "required", "off"] = Field(
        "auto", description="auto: required when bound beyond loopback; off: something else guards the page"
    )
    viewer_password: SecretStr | None = None
    operator_password: SecretStr | None = None
    session_secret: SecretStr | None = Field(None, description="without one, a restart logs everybody out")
    secure_cookie: bool = Field(False, description="set it when the page is served over HTTPS")
    public_origin: str = Field(
        "",
        examples=["https://savings.example"],
        description="scheme://host[:port] under which a proxy shows the page; several with commas",
    )


@dataclass(frozen=True)
class Access:
    """The decision for one process. hashes : role -> Argon2 hash."""

    required: bool = False
    hashes: dict[str, str] = field(default_factory=dict)
    secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    secure_cookie: bool = False
    origins: frozenset[str] = frozenset()  # scheme://host[:port] of a proxy in front

    def role_of(self, password: str) -> str | None:
        """The strongest role a password opens; None for a wrong one. Takes tens of milliseconds, on purpose."""
        if len(password) > LONGEST_PASSWORD:
            return None
        for role in (OPERATOR, VIEWER):
            if role in self.hashes and _matches(self.hashes[role], password):
                return role
        return None

    def role(self, scope: Any) -> str | None:
        """The role of a request by its session; on loopback everybody is the operator."""
        if not self.required:
            return OPERATOR
        held = scope.get("session", {}).get("role")
        return str(held) if held in self.hashes else None

    def may_name(self, host: str) -> bool:
        """Whether the page answers under a Host header without a login: any other may be a foreign name that
        resolves to this machine."""
        return _name(host) in LOOPBACK_NAMES or host.lower() in {urlsplit(one).netloc for one in self.origins}


def open_session(session: dict[str, Any], role: str) -> None:
    """What is remembered of a login: the role, a name to count requests by, and since when."""
    session.update(role=role, id=secrets.token_hex(8), at=int(time.time()))


def renew_session(session: dict[str, Any]) -> float:
    """Begin it again in its second half, so that a page in use never ends; returns the seconds it has left."""
    now = time.time()
    left = session.get("at", 0) + SESSION_S - now
    if left < SESSION_S / 2:
        session["at"] = int(now)
        return SESSION_S
    return float(left)


def session_left_s(session: dict[str, Any]) -> float:
    """Seconds until a session ends that nothing renews."""
    return float(session.get("at", 0) + SESSION_S - time.time())


def decide(settings: AccessSettings, host: str) -> Access:
    """Raises FixAndRestart when a login is required and there is no password."""
    required = settings.login == "required" or (settings.login == "auto" and not is_loopback(host))
    given = {OPERATOR: settings.operator_password, VIEWER: settings.viewer_password}
    plain = {role: one.get_secret_value() for role, one in given.items() if one and one.get_secret_value()}
    if required and not plain:
        raise FixAndRestart(
            f"the page is bound to {host}, where others can reach it, and has no password: set "
            "ALLOCAST_OPERATOR_PASSWORD and ALLOCAST_VIEWER_PASSWORD, or ALLOCAST_LOGIN=off with ALLOCAST_PUBLIC_ORIGIN "
            "when a proxy guards it"
        )
    secret = settings.session_secret.get_secret_value() if settings.session_secret else secrets.token_hex(32)
    # A changed password ends the sessions it opened.
    key = hashlib.sha256("\0".join([secret, *plain.values()]).encode()).hexdigest()
    hashes = {
        role: one if one.startswith("$argon2") else PasswordHasher().hash(one) for role, one in plain.items()
    }
    return Access(required, hashes, key, settings.secure_cookie, origins_of(settings.public_origin))


def origins_of(text: str) -> frozenset[str]:
    """The origins in a setting. Raises FixAndRestart.

    >>> sorted(origins_of("https://Savings.example, http://10.0.0.7:8080"))
    ['http://10.0.0.7:8080', 'https://savings.example']
    """
    found = [one.strip().lower() for one in text.split(",") if one.strip()]
    for one in found:
        parts = urlsplit(one)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or one != f"{parts.scheme}://{parts.netloc}"
        ):
            raise FixAndRestart(
                f"ALLOCAST_PUBLIC_ORIGIN: expected scheme://host[:port], as in https://savings.example, got {one[:80]!r}"
            )
    return frozenset(found)


def load_access(host: str) -> Access:
    """From the environment. Raises FixAndRestart."""
    try:
        folder = StateFolder().secrets_dir
        settings = AccessSettings(_secrets_dir=folder if folder.is_dir() else None)  # type: ignore[call-arg]  # pydantic-settings' own argument, which no field declares
    except ValidationError as error:
        wrong = "; ".join(f"ALLOCAST_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors())
        raise FixAndRestart(f"settings: {wrong}") from error
    return decide(settings, host)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def protect(server: Any, access: Access) -> None:
    """Put the guard and the session around a Starlette application."""
    from dashboard.guard import Guard

    server.add_middleware(Guard, access=access)
    server.add_middleware(
        SessionMiddleware,
        secret_key=access.secret,
        session_cookie="allocast_session",
        max_age=SESSION_S,
        same_site="strict",
        https_only=access.secure_cookie,
    )


def _name(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("[") and "]" in host:
        return host[: host.index("]") + 1]
    return host.partition(":")[0].lower()


def _matches(stored: str, password: str) -> bool:
    try:
        return PasswordHasher().verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False


def basic_password(header: str) -> str:
    """The password of an Authorization header, empty when it has none.

    >>> basic_password("Basic dmlld2VyOnNlY3JldA==")
    'secret'
    """
    kind, _, coded = header.partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(coded, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
