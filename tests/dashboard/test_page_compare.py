"""Allocations side by side, and the frontier, in a real browser."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser import Tab
from tests.dashboard.browsing import open_view, query
from tests.dashboard.running_page import Site
from tests.dashboard.stubs.forecasts import champion
from tests.services import until


def test_compare_with_presets_and_the_suggestion(full: Site, quiet: Tab) -> None:
    page = open_view(quiet, full, "compare")
    page.get_by_role("textbox", name="Fill B with").click()
    page.get_by_role("option", name="All deposit").click()
    expect(page.locator("#compare-table")).to_contain_text("Mean difference from A")
    expect(page.locator("#stress-table")).to_contain_text("no prices of Bitcoin then")
    until(lambda: "vs=cash:100" in query(page), "the comparison is in the address")
    page.locator("#other-B-cash").fill("50")
    expect(page.locator("#compare-error")).to_have_text(
        "B: weights: must sum to 100 percent, they sum to 50; add 50"
    )
    page.get_by_role("button", name="Use the suggestion as B").click()
    expect(page.locator("#compare-error")).to_have_text("")


def test_the_frontier_comes_when_the_model_does_and_dims_when_it_fails(site: Site, quiet: Tab) -> None:
    site.stop()
    site.source.model = None
    site.start()
    page = quiet.open(site.url + "?view=compare")
    expect(page.locator("#suggestion")).to_contain_text("Waiting for the first model.")
    expect(page.locator("#frontier-figures")).to_have_class("dim")
    site.source.model = champion()
    expect(page.locator("#suggestion")).to_contain_text("expected profit", timeout=20_000)
    expect(page.locator("#frontier-figures")).not_to_have_class("dim")
    expect(page.locator("#frontier-made")).to_contain_text(" s ago")


def test_a_deposit_may_be_renewed_at_rates_that_are_not_known_yet(full: Site, quiet: Tab) -> None:
    page = open_view(quiet, full, "compare")
    page.get_by_role("textbox", name="Fill B with").click()
    page.get_by_role("option", name="All deposit").click()
    table = page.locator("#compare-table")
    expect(table).to_contain_text("Mean difference from A")
    fixed = table.inner_text()
    page.get_by_role("tab", name="Your money").click()
    page.get_by_text("Fees, rebalancing, deposit").click()
    page.get_by_text("Renewed monthly").click()
    until(lambda: "deposit=renewed" in query(page), "the address follows")
    until(lambda: full.source.asked[-1].deposit == "renewed", "the forecast is asked with it")
    page.get_by_role("tab", name="Compare").click()
    expect(table).not_to_have_text(fixed, use_inner_text=True)
    assert page.request.get(full.url + "download/figures.csv?deposit=renewed").ok
