"""Every view is accessible, fits, and is used by keyboard; pictures of all of them.

The pictures are in the folder of the environment variable PAGE_PICTURES, or of pytest's own.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from dashboard.asked import VIEWS
from dashboard.events import News
from dashboard.record import Record
from tests.browser import Tab
from tests.dashboard.browsing import DESKTOP, PHONE, VERSUS, open_view, overflow, violations
from tests.dashboard.running_page import Site
from tests.services import until

LOOKS = [
    pytest.param({**size, "color_scheme": scheme, "reduced_motion": "reduce"}, id=f"{name}-{scheme}")
    for name, size in (("desktop", DESKTOP), ("phone", PHONE))
    for scheme in ("light", "dark")
]


@pytest.mark.parametrize("tab", LOOKS, indirect=True)
def test_every_view_is_accessible_and_fits(
    full: Site, quiet: Tab, pictures: Path, request: pytest.FixtureRequest
) -> None:
    look = request.node.callspec.id
    for view in VIEWS:
        page = open_view(quiet, full, view, VERSUS if view == "compare" else "")
        until(lambda page=page: page.evaluate("document.getAnimations().length") == 0, "the page is at rest")
        page.screenshot(path=pictures / f"{view}-{look}.png", full_page=True)
        assert violations(page) == [], view
        assert overflow(page) <= 0, view


@pytest.mark.parametrize("tab", LOOKS[:2], indirect=True)
def test_empty_waiting_and_error_states(
    site: Site, quiet: Tab, pictures: Path, request: pytest.FixtureRequest
) -> None:
    look = request.node.callspec.id
    site.source.known = Record()
    site.source.said = News()
    site.source.served = []
    page = quiet.open(site.url + "?view=trust")
    expect(page.locator("#state-record")).to_contain_text("No forecast is written down yet.")
    page.screenshot(path=pictures / f"trust-empty-{look}.png", full_page=True)
    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#state-stress")).to_contain_text("There is no recorded history yet")
    page.get_by_role("tab", name="Drift and models").click()
    expect(page.locator("#state-drift")).to_contain_text("No reports yet")
    expect(page.locator("#no-earlier")).to_have_text("There is no earlier model to roll back to yet.")
    expect(page.get_by_role("button", name="Roll back")).to_be_disabled()
    page.screenshot(path=pictures / f"models-empty-{look}.png", full_page=True)
    assert violations(page) == []
    site.source.known = Record(status="The record is not available: refused.", revision=2)
    page.get_by_role("tab", name="Can I trust it?").click()
    expect(page.locator("#state-record")).to_contain_text("It goes on by itself")
    site.source.away = "the online store does not answer: refused"
    page.get_by_role("tab", name="Your money").click()
    expect(page.locator("#word-features")).to_have_text("error")
    page.screenshot(path=pictures / f"money-error-{look}.png", full_page=True)
    assert violations(page) == []


def test_the_keyboard_is_enough(full: Site, quiet: Tab) -> None:
    page = open_view(quiet, full, "money")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the figures")).to_be_focused()
    page.locator("#tab-money").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Compare")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowLeft")
    page.locator("#preset-deposit").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#weight-cash")).to_have_value("100 %")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "preset-sixty"
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id"))
    assert {"weight-gold", "scale", "real", "csv-figures", "pause"} <= seen
