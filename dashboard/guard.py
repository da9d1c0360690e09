"""The gate in front of every request and socket: size, host, origin, login, rate. Pure ASGI, so sockets pass it too."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from typing import Any
from urllib.parse import quote, urlsplit

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from dashboard.access import OPERATOR, Access, basic_password, renew_session, session_left_s
from dashboard.expiring_socket import ExpiringSocket
from dashboard.metrics import REFUSED

LARGEST_BODY = 256 * 1024
OPEN = ("/healthz", "/metrics")  # for probes: without data, under any host name
WITHOUT_LOGIN = (*OPEN, "/login", "/assets/allocast.css", "/assets/theme.js", "/favicon.ico")
OPERATORS_ONLY = ("/api/retrain", "/api/rollback")
SAFE = ("GET", "HEAD", "OPTIONS")
KEPT_PROGRAMS = 64
TOO_OFTEN = "too often"  # in place of a role
PER_MINUTE = {  # per session or program that is logged in, otherwise per client address
    "/login": 10,
    "/api/retrain": 6,
    "/api/rollback": 6,
    "/api/": 120,
    "/download/": 30,
    "/": 3_000,  # a slider that is dragged asks many times a second
}


class Guard:
    """Refuses in this order: too large, foreign host, foreign origin, too often, not logged in, not allowed."""

    def __init__(self, app: Any, access: Access) -> None:
        self._app, self._access = app, access
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._programs: OrderedDict[bytes, str] = (
            OrderedDict()
        )  # digest of a right Authorization header -> role
        self._checking = asyncio.Lock()  # one password at a time: checking takes a core and 64 MiB

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refused = await self._refusal(scope, headers)
        if refused is None:
            session = scope.get("session")
            if session and scope["type"] == "http":
                renew_session(session)
            elif session:
                socket = ExpiringSocket(receive, send, session_left_s(session))
                receive, send = socket.receive, socket.send
            await self._app(scope, receive, send)
            return
        status, why = refused
        REFUSED.labels(why=why).inc()
        if scope["type"] == "websocket":
            await receive()  # websocket.connect
            await send({"type": "websocket.close", "code": 1008, "reason": why})
        elif status == 401 and scope["method"] in SAFE and "text/html" in headers.get("accept", ""):
            query = scope["query_string"].decode("latin-1")
            asked = scope["path"] + (f"?{query}" if query else "")
            await _send(send, 303, b"", [(b"location", f"/login?next={quote(asked, safe='')}".encode())])
        else:
            body = json.dumps({"error": SENTENCES[why]}).encode()
            extra = (
                [(b"www-authenticate", b'Basic realm="allocast"')] if _wants_basic(status, headers) else []
            )
            await _send(send, status, body, [(b"content-type", b"application/json"), *extra])

    async def _refusal(self, scope: Any, headers: dict[str, str]) -> tuple[int, str] | None:
        path = scope["path"]
        unsafe = scope["type"] == "websocket" or scope["method"] not in SAFE
        if unsafe and scope["type"] == "http" and not _small(headers):
            return 413, "size"
        host = headers.get("host", "")
        if not self._access.required and path not in OPEN and not self._access.may_name(host):
            return 421, "host"
        if unsafe and not _same_origin(headers, host, self._access.origins):
            return 403, "origin"
        client = (scope.get("client") or ("",))[0]
        session = scope.get("session", {})
        digest = hashlib.sha256(headers.get("authorization", "").encode()).digest()
        role = self._access.role(scope)
        # Many people may share an address, so who is known is counted alone; guesses are not.
        if path not in WITHOUT_LOGIN and role is not None and "id" in session:
            caller = f"session {session['id']}"
        elif path not in WITHOUT_LOGIN and digest in self._programs:
            caller = f"program {digest.hex()}"
        else:
            caller = client
        # To look at the form is no try: whoever shares an address could lock the others out by it.
        if not self._within_rate("/" if path == "/login" and not unsafe else path, caller):
            return 429, "rate"
        if path in WITHOUT_LOGIN:
            return None
        if role is None and "authorization" in headers:
            role = await self._program(headers["authorization"], digest, client)
            if role == TOO_OFTEN:
                return 429, "rate"
        scope["state"] = {**scope.get("state", {}), "role": role}
        if role is None:
            return 401, "login"
        if path in OPERATORS_ONLY and role != OPERATOR:
            return 403, "role"
        return None

    async def _program(self, header: str, digest: bytes, client: str) -> str | None:
        """The role that an Authorization header opens, TOO_OFTEN after too many tries.

        Checking a password is slow on purpose: it has a thread, and each try counts as a login.
        """
        async with self._checking:
            role = self._programs.get(digest)
            if role is None:
                if not self._within_rate("/login", client):
                    return TOO_OFTEN
                role = await asyncio.to_thread(self._access.role_of, basic_password(header))
            if role is not None:
                self._programs[digest] = role
                self._programs.move_to_end(digest)
                if len(self._programs) > KEPT_PROGRAMS:
                    self._programs.popitem(last=False)
            return role

    def _within_rate(self, path: str, caller: str) -> bool:
        if path in OPEN:
            return True
        group = next(one for one in PER_MINUTE if path.startswith(one))
        return bool(self._limiter.hit(RateLimitItemPerMinute(PER_MINUTE[group]), group, caller))


SENTENCES = {
    "size": f"the request is larger than {LARGEST_BODY // 1024} KiB or does not say how large it is",
    "host": "this page answers under localhost and 127.0.0.1 only; other names need log-ins or ALLOCAST_PUBLIC_ORIGIN",
    "origin": "the request comes from another site",
    "rate": "too many requests; wait a minute",
    "login": "log in first",
    "role": "only the operator may do this",
}


def _small(headers: dict[str, str]) -> bool:
    length = headers.get("content-length", "0" if "transfer-encoding" not in headers else "")
    return length.isdigit() and int(length) <= LARGEST_BODY


def _same_origin(headers: dict[str, str], host: str, origins: frozenset[str]) -> bool:
    """Browsers say where a request comes from; programs that say nothing carry no cookie of a user."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == host or origin.lower() in origins


def _wants_basic(status: int, headers: dict[str, str]) -> bool:
    return status == 401 and "sec-fetch-site" not in headers  # a browser would open its own dialog


async def _send(send: Any, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
