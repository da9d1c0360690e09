"""The choice is in the address: what it brings back, and what is wrong in it or in a field."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser import Tab
from tests.dashboard.browsing import open_view, query
from tests.dashboard.running_page import Site
from tests.services import until


def test_the_choice_is_in_the_address_and_comes_back(full: Site, quiet: Tab) -> None:
    page = open_view(quiet, full, "money")
    page.locator("#amount").fill("2500")
    page.get_by_role("button", name="60/40").click()
    page.get_by_text("3 months", exact=True).click()
    page.locator("#currency").fill("EUR")
    until(lambda: "cur=EUR" in query(page), "the address follows")
    assert query(page) == "?amount=2500&cur=EUR&w=sp500:60,cash:40&h=3m"
    expect(page.locator("#profit-median")).to_contain_text("EUR")
    page.reload()
    expect(page.locator("#amount")).to_have_value("2,500")
    expect(page.locator("#weight-sp500")).to_have_value("60 %")
    expect(page.locator("#sentence")).to_contain_text("63 trading days")
    expect(page.locator("#csv-figures")).to_have_attribute(
        "href", "download/figures.csv?amount=2500&cur=EUR&w=sp500:60,cash:40&h=3m"
    )


def test_a_wrong_address_is_corrected_and_said(full: Site, quiet: Tab) -> None:
    page = quiet.open(full.url + "?amount=<script>alert(1)</script>&w=gold:30,cash:30&h=9m&evil=1")
    notice = page.locator("#notice")
    expect(notice).to_contain_text("the weights summed to 60; they were scaled to 100")
    expect(notice).to_contain_text("h: expected one of 1m, 3m, 6m")
    expect(notice).to_contain_text("Unknown in the address: “evil”")
    expect(page.locator("#weight-gold")).to_have_value("50 %")
    expect(page.locator("#profit-median")).to_contain_text("+")


@pytest.mark.parametrize("field", ["amount", "weight-gold", "fee", "currency", "other-B-gold"])
def test_fields_survive_anything(full: Site, quiet: Tab, field: str) -> None:
    page = open_view(quiet, full, "compare" if field.startswith("other") else "money")
    if field == "fee":
        page.get_by_text("Fees, rebalancing, deposit").click()
    before = page.locator(f"#{field}").input_value()
    for text in ("-1", "1e308", "NaN", "<img src=x onerror=alert(1)>", "9" * 400, "=1+1", "\u202e٣", ""):
        page.locator(f"#{field}").fill(text)
    page.locator(f"#{field}").fill(before)
    page.locator(f"#{field}").blur()
    expect(page.locator("#form-error")).to_have_text("")
    expect(page.locator("#figures")).not_to_have_class("dim")
