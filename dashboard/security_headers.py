"""Headers that tell a browser what this page may do: nothing from other sites, no frames, no guessing of types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class SecurityHeaders:
    """What rules a document comes with documents only: figures are asked for all the time, and each would carry it.

    Styles may be inline: Mantine and Plotly write theirs into the document.
    """

    def __init__(self, app: Any, inline_scripts: Sequence[str] = ()) -> None:
        """inline_scripts : CSP hashes of the scripts in the document itself."""
        self._app = app
        policy = "; ".join(
            [
                "default-src 'self'",
                f"script-src 'self' {' '.join(inline_scripts)}".strip(),
                "style-src 'self' 'unsafe-inline'",
                "img-src 'self' data: blob:",
                "font-src 'self' data:",
                "worker-src 'self'",
                "object-src 'none'",
                "base-uri 'none'",
                "form-action 'self'",
                "frame-ancestors 'none'",
            ]
        )
        self._always = [(b"x-content-type-options", b"nosniff")]
        self._documents = [
            (b"content-security-policy", policy.encode()),
            (b"x-frame-options", b"DENY"),
            (b"referrer-policy", b"same-origin"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
        ]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                kind = next((value for name, value in headers if name.lower() == b"content-type"), b"")
                more = self._documents if kind.startswith(b"text/html") else []
                message = {**message, "headers": [*headers, *self._always, *more]}
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)
