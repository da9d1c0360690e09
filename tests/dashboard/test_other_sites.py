"""What the page refuses to other sites, and the names that it answers under, against the real server."""

from __future__ import annotations

import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from dashboard.access import AccessSettings, decide
from tests.dashboard.running_page import Site
from tests.dashboard.stubs.forecasts import champion
from tests.dashboard.stubs.market import rows
from tests.dashboard.stubs.source import StubSource
from tests.dashboard.talking import QUESTION, WIDE, ask


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
