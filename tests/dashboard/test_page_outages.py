# ruff: noqa: RUF001 - the page writes a true minus sign and an en dash
"""A part that is late, silent or gone is said on the open page, and what comes back is found."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser import Tab
from tests.dashboard.browsing import fill
from tests.dashboard.running_page import Site
from tests.dashboard.stubs.forecasts import champion
from tests.dashboard.stubs.market import rows
from training.answer import Answer


def test_the_page_says_what_it_waits_for(site: Site, quiet: Tab) -> None:
    site.source.away, site.source.model = "The feature store has not been set up yet.", None
    site.source.reader.rows = {}
    site.stop()
    site.start()
    page = quiet.open(site.url)
    expect(page.locator("#waiting")).to_have_text(
        "Waiting for the feature store. The feature store has not been set up yet."
    )
    expect(page.locator("#word-features")).to_have_text("waiting")
    expect(page.locator("#profit-median")).to_have_text("–")
    site.source.away = ""
    expect(page.locator("#waiting")).to_contain_text("Waiting for prices.")
    site.source.reader.rows = {one.symbol: one for one in rows(feed="yahoo")}
    expect(page.locator("#waiting")).to_contain_text("Waiting for the first model.")
    expect(page.locator("#feed-badge")).to_have_text("YAHOO")
    site.source.model = champion()
    expect(page.locator("#waiting")).to_have_text("")
    expect(page.locator("#profit-median")).to_have_text("▲ +300")


def test_the_store_goes_away_and_comes_back(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    expect(page.locator("#word-features")).to_have_text("live")
    site.source.away = "the online store does not answer: refused"
    expect(page.locator("#word-features")).to_have_text("error")
    expect(page.locator("#detail-features")).to_have_text("the online store does not answer: refused")
    expect(page.locator("#profit-median")).to_have_text("▲ +300")
    site.source.away = ""
    expect(page.locator("#word-features")).to_have_text("live")


def test_old_ticks_are_stale_and_future_ones_are_not_negative(site: Site, quiet: Tab) -> None:
    site.source.reader.rows = {one.symbol: one for one in rows(at_ms=1_760_000_000_000)}
    page = quiet.open(site.url)
    expect(page.locator("#word-ticks")).to_have_text("stale")
    expect(page.locator("#age-ticks")).to_contain_text("days")
    site.source.reader.rows = {one.symbol: one for one in rows(at_ms=2_500_000_000_000)}
    expect(page.locator("#word-ticks")).to_have_text("live")
    expect(page.locator("#age-ticks")).to_have_text("0 s")


def test_every_panel_says_its_state(site: Site, tab: Tab) -> None:
    def states(**wanted: str) -> None:
        for name, state in wanted.items():
            expect(page.locator(f"#panel-{name}")).to_have_attribute("data-state", state)

    def says(name: str, words: str) -> None:
        expect(page.locator(f"#state-{name}")).to_contain_text(words)

    page = tab.open(site.url)
    states(result="live", risk="live", prices="live", compare="live", frontier="live", model="live")
    states(stress="empty", record="empty", drift="empty", training="empty", history="empty", pipeline="live")
    says("result", "as of ")
    says("record", "The first one is at the close of the session after the first model.")
    high = page.locator("#panel-risk").bounding_box()
    site.source.away = "the online store does not answer: refused"
    states(result="error", prices="error", compare="error", model="live", record="empty")
    says(
        "prices",
        "The online store does not answer: refused. Figures are from before and go on by themselves.",
    )
    assert page.locator("#panel-risk").bounding_box() == high, "nothing moves when a panel's words change"
    site.source.away = ""
    states(result="live", prices="live")
    site.source.reader.rows = {one.symbol: one for one in rows(at_ms=1_760_000_000_000)}
    states(result="stale", prices="stale", model="live")
    says("prices", "days ago")
    page.evaluate(
        """() => window.dash_clientside.allocast.pulse({now_ms: Date.now(), stages: {}, prices: {}, set: [],
            sources: {prices: {state: "closed", detail: "the exchange is closed"}}})"""
    )
    states(prices="closed", result="stale")
    site.stop()
    states(prices="stale", model="stale", pipeline="stale", record="error", history="error")
    says("model", "the server does not answer")
    site.source.reader.rows = {one.symbol: one for one in rows()}
    site.start()
    states(result="live", prices="live", record="empty")
    expected = ("ERR_CONNECTION_REFUSED", "WebSocket", "the server did not respond")
    assert [error for error in tab.errors if not any(part in error for part in expected)] == []


def test_a_dead_server_is_said_and_a_new_one_found(site: Site, tab: Tab) -> None:
    page = tab.open(site.url)
    expect(page.locator("#profit-median")).to_have_text("▲ +300")
    expect(page.locator("#word-page")).to_have_text("live")
    fill(page, "weight-gold", "30")
    site.stop()
    expect(page.locator("#word-page")).to_have_text("error", timeout=5_000)
    expect(page.locator("#offline")).to_contain_text("The server does not answer")
    site.source.move("gold", 4200.0)
    site.start()
    expect(page.locator("#word-page")).to_have_text("live", timeout=10_000)
    expect(page.locator("#offline")).to_be_hidden()
    expect(page.locator("#price-gold")).to_have_text("4,200.00")
    expect(page.locator("#weight-gold")).to_have_value("30 %")
    expected = ("ERR_CONNECTION_REFUSED", "WebSocket", "the server did not respond")
    assert [error for error in tab.errors if not any(part in error for part in expected)] == []


def broken(*_: object) -> Answer:
    raise RuntimeError("a fault of ours")


def test_figures_that_the_server_cannot_renew_are_dimmed(
    site: Site, tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tab.open(site.url)
    expect(page.locator("#profit-median")).to_have_text("▲ +300")
    with monkeypatch.context() as faulty:
        faulty.setattr(site.source, "answer", broken)
        site.source.move("gold", 4200.0)
        expect(page.locator("#offline")).to_contain_text("The server could not answer.")
        expect(page.locator("#panel-result")).to_have_attribute("data-state", "stale")
        expect(page.locator("#state-result")).to_contain_text("the server could not answer")
        expect(page.locator("#panel-pipeline")).to_have_attribute("data-state", "live")
        expect(page.locator("#word-page")).to_have_text("live")  # the socket goes on
    site.source.move("gold", 4105.2)
    expect(page.locator("#offline")).to_be_hidden()
