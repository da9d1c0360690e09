"""A program that speaks HTTP with the page, as an operator, as a viewer or as nobody."""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from typing import Any

from tests import asking
from tests.asking import Answer
from tests.dashboard.running_page import Site

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
