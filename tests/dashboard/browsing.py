"""What a test does on the open page, and what it reads there."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser import Tab
from tests.dashboard.running_page import Site

PHONE = {"viewport": {"width": 375, "height": 812}}
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
VERSUS = "&vs=cash:100&vs=sp500:60,cash:40"
READY = {  # what a view shows when it is done
    "money": ("#profit-median", "+"),
    "compare": ("#suggestion", "expected profit"),
    "trust": ("#record-words", "forecasts have come due"),
    "models": ("#events", "A new model took over"),
    "health": ("#services", "Stream worker"),
}


def open_view(quiet: Tab, site: Site, view: str, more: str = "") -> Page:
    """The view with all that it shows. more : what else is in the address."""
    page = quiet.open(f"{site.url}?view={view}{more}")
    expect(page.locator("html")).not_to_have_attribute(
        "data-asked", "yes"
    )  # what the address asks for is there
    selector, text = READY[view]
    expect(page.locator(selector)).to_contain_text(text, timeout=20_000)
    return page


def fill(page: Page, field: str, value: str) -> None:
    page.locator(f"#{field}").fill(value)


def query(page: Page) -> str:
    return str(page.evaluate("location.search"))


def fan_medians(page: Page) -> list[float]:
    return list(page.evaluate("document.querySelector('#fan .js-plotly-plot')?.data?.[4]?.y ?? []"))


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window; at most 0 when it fits."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def violations(page: Page) -> list[str]:
    """Of the rules of accessibility that axe checks."""
    found = Axe().run(page)
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['target']} {one['nodes'][0]['html'][:200]}"
        for one in found.response["violations"]
    ]
