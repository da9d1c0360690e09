"""A question to a server of our own over HTTP: every answer is one, refusals and redirections too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """headers : by name in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    url: str, body: object = None, headers: Mapping[str, str] | None = None, timeout_s: float = 60
) -> Answer:
    """GET without a body, else POST; what is not bytes goes out as JSON. Raises OSError without an answer."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    named = {} if data is body else {"content-type": "application/json"}
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request("GET" if data is None else "POST", path or "/", data, {**named, **(headers or {})})
        answer = connection.getresponse()
        return Answer(
            answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
        )
    finally:
        connection.close()
