"""Light and dark: who decides, and that the chart follows the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import Tab
from tests.dashboard.browsing import PHONE, fill, overflow
from tests.dashboard.running_page import Site
from tests.services import until

LIGHT_TEXT, DARK_TEXT = "#2a3f5f", "#f2f5fa"  # of the two chart templates


def wait_for_font(page: Page, colour: str) -> None:
    """Until the chart is drawn with the template whose text has this colour."""
    look = "document.querySelector('#fan .js-plotly-plot')?._fullLayout?.font.color"
    until(lambda: page.evaluate(look) == colour, f"the chart in {colour}")


@pytest.mark.parametrize("tab", [{"color_scheme": "light"}], indirect=True)
def test_the_toggle_switches_page_and_chart(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    wait_for_font(page, LIGHT_TEXT)
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    wait_for_font(page, DARK_TEXT)
    site.source.move("gold", 4515.72)
    expect(page.locator("#profit-median")).to_have_text("▲ +500")
    wait_for_font(page, DARK_TEXT)
    page.reload()
    wait_for_font(page, DARK_TEXT)


@pytest.mark.parametrize("tab", [{**PHONE, "color_scheme": "dark"}], indirect=True)
def test_a_phone_in_dark_shows_everything_without_overflow(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    expect(page.locator("#profit-median")).to_have_text("▲ +300")
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    wait_for_font(page, DARK_TEXT)
    assert overflow(page) <= 0
    fill(page, "amount", "1000000000000")
    expect(page.locator("#profit-median")).to_contain_text("000,000,")
    assert overflow(page) <= 0


@pytest.mark.parametrize("tab", [{"color_scheme": "light"}], indirect=True)
def test_without_a_choice_the_system_decides(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    wait_for_font(page, LIGHT_TEXT)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    wait_for_font(page, DARK_TEXT)


def test_dark_never_shows_white_first(full: Site, chromium: Browser) -> None:
    context = chromium.new_context(color_scheme="dark")
    page = context.new_page()
    page.add_init_script(
        "new PerformanceObserver(() => { window.first = window.first || "
        "getComputedStyle(document.documentElement).backgroundColor; }).observe({type: 'paint', buffered: true})"
    )
    page.goto(full.url)
    expect(page.locator("#profit-median")).to_contain_text("+")
    assert page.evaluate("window.first") == "rgb(18, 20, 23)"
    context.close()
