"""Logging in and out in a real browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect
from pydantic import SecretStr

from dashboard.access import Access, AccessSettings, decide
from tests.browser import Tab
from tests.dashboard.browsing import violations
from tests.dashboard.running_page import Site


def test_a_page_whose_session_has_ended_goes_to_the_log_in(site: Site, tab: Tab) -> None:
    def password(word: str) -> Access:
        return decide(AccessSettings(login="required", operator_password=SecretStr(word)), "127.0.0.1")

    site.stop()
    site.access = password("before")
    site.start()
    page = tab.open(site.url + "?amount=500")
    page.get_by_label("Password").fill("before")
    page.keyboard.press("Enter")
    expect(page.locator("#word-page")).to_have_text("live")
    site.stop()
    site.access = password("after")  # a new password ends every session
    site.start()
    expect(page).to_have_url(site.url + "login?next=%2F%3Famount%3D500")
    page.get_by_label("Password").fill("after")
    page.keyboard.press("Enter")
    expect(page.locator("#amount")).to_have_value("500")
    expect(page.locator("#word-page")).to_have_text("live")


def test_a_viewer_logs_in_and_may_only_look(site: Site, quiet: Tab, pictures: Path) -> None:
    settings = AccessSettings(
        login="required", viewer_password=SecretStr("just-look"), operator_password=SecretStr("open-sesame")
    )
    site.stop()
    site.access = decide(settings, "127.0.0.1")
    site.start()
    page = quiet.open(site.url + "?view=models")
    expect(page).to_have_url(site.url + "login?next=%2F%3Fview%3Dmodels")
    page.screenshot(path=pictures / "login-desktop.png")
    assert violations(page) == []
    page.get_by_label("Password").fill("just-look")
    page.keyboard.press("Enter")
    expect(page.locator("#word-page")).to_have_text("live")
    expect(page.get_by_role("tab", name="Drift and models")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("need the operator's login")).to_be_visible()
    expect(page.get_by_role("button", name="Retrain now")).to_be_hidden()
    assert page.evaluate("fetch('/api/retrain', {method: 'POST'}).then(a => a.status)") == 403
    quiet.errors.clear()  # the browser reports the refusal
    page.get_by_role("link", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
