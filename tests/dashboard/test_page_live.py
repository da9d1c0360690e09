"""Prices, forecasts and events reach the open page without a reload, and nobody asks for what nobody sees."""

from __future__ import annotations

from playwright.sync_api import expect

from dashboard.events import DriftReport
from tests.browser import Tab
from tests.dashboard.browsing import fan_medians, fill
from tests.dashboard.running_page import Site
from tests.dashboard.stubs.forecasts import champion
from tests.services import until
from training.events import ModelEvent


def test_first_paint_shows_prices_and_a_forecast(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#feed-badge")).to_have_text("SIMULATED PRICES")
    expect(page.locator("#price-gold")).to_have_text("4,105.20")
    expect(page.locator("#model-version")).to_have_text("v1")
    expect(page.locator("#profit-median")).to_have_text("▲ +300")
    expect(page.locator("#prob-loss")).to_have_text("38 %")
    expect(page.locator("#sentence")).to_contain_text("half of the scenarios end above +300 after inflation")
    expect(page.locator("#members")).to_contain_text("GARCH-FHS")
    expect(page.locator("#notes")).to_contain_text("Inflation is known up to June 2026.")
    expect(page.locator("#word-page")).to_have_text("live")
    expect(page.locator("#word-ticks")).to_have_text("live")
    expect(page.locator("#waiting")).to_have_text("")
    until(lambda: len(fan_medians(page)) == 7, "the fan is drawn")


def test_prices_and_forecast_move_without_a_reload(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    expect(page.locator("#profit-median")).to_have_text("▲ +300")
    page.evaluate("window.notReloaded = true")
    site.source.move("gold", 4515.72, log_return_1=0.1)
    expect(page.locator("#price-gold")).to_have_text("4,515.72")
    expect(page.locator("#change-gold")).to_have_text("▲ +10.52 %")
    expect(page.locator("#profit-median")).to_have_text("▲ +500")
    expect(page.locator("#spark-gold polyline")).to_have_count(1)
    site.source.model = champion(version="v2", members={"har": 1.0}, has_lstm=False, reason="drift")
    expect(page.locator("#model-version")).to_have_text("v2")
    expect(page.locator("#model-reason")).to_have_text(
        "It was trained because the market drifted from its forecasts."
    )
    expect(page.locator("#detail-model")).to_have_text("v2, not yet with LSTM")
    expect(page.locator("#members")).to_have_text("HAR100 %")
    assert page.evaluate("window.notReloaded") is True


def test_drift_and_model_events_arrive(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    expect(page.locator("#drift-gold")).to_have_text("no report yet")
    site.source.said = (
        site.source.said.with_report(DriftReport("gold", "CUSUM", 6.0, 5.0, True, 20260730, 1))
        .with_event(ModelEvent("requested", "", "manual", 1))
        .with_status("Model events are not available: no broker.")
    )
    expect(page.locator("#drift-gold")).to_have_text("alarm in session 2026-07-30: CUSUM at 6, alarm from 5")
    expect(page.locator("#drift-gold")).to_have_class("alarm")
    expect(page.locator("#event-line")).to_have_text(
        "A new training was requested, because a person asked for it."
    )
    expect(page.locator("#state-drift")).to_contain_text("no broker")


def test_two_viewers_share_one_poller(site: Site, quiet: Tab) -> None:
    first = quiet.open(site.url)
    second = first.context.new_page()
    second.goto(site.url)
    site.source.move("bitcoin", 70_000.0)
    for page in (first, second):
        expect(page.locator("#price-bitcoin")).to_have_text("70,000.00")


def test_the_model_is_swapped_while_forecasts_are_asked(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    expect(page.locator("#profit-median")).to_have_text("▲ +300")
    page.evaluate(
        """() => {
            const own = window.dash_clientside.allocast, pulse = own.pulse;
            window.pulses = 0;
            own.pulse = sent => { window.pulses += 1; return pulse(sent); };
        }"""
    )
    for number in range(2, 8):  # also while an answer is on its way
        before = page.evaluate("window.pulses")
        site.source.model = champion(version=f"v{number}", members={"har": 1.0})
        fill(page, "weight-gold", f"{10 + number}")
        fill(page, "weight-cash", f"{30 - number}")
        expect(page.locator("#model-version")).to_have_text(f"v{number}")
        assert page.evaluate("window.pulses") - before <= 3, (
            "one pulse a second; the newest snapshot is in each"
        )
    expect(page.locator("#sum")).to_have_text("100 %")
    expect(page.locator("#members")).to_have_text("HAR100 %")
    expect(page.locator("#figures")).not_to_have_class("dim")
    expect(page.locator("#offline")).to_be_hidden()
    expect(page.locator("#panel-result")).to_have_attribute("data-state", "live")


def test_nobody_asks_for_figures_that_nobody_sees(site: Site, quiet: Tab) -> None:
    asked: list[str] = []
    quiet.page.on(
        "request", lambda one: asked.append(one.url) if '"answer.data"' in (one.post_data or "") else None
    )
    page = quiet.open(site.url)
    expect(page.locator("#profit-median")).to_have_text("▲ +300")

    def requests() -> list[str]:
        page.evaluate("true")  # events come while the browser is spoken to
        return asked

    def prices_move(price: float, shown: str) -> None:
        before = site.poller.snapshot.revision
        site.source.move("gold", price)
        until(lambda: site.poller.snapshot.revision > before, "the forecast would be another one")
        site.source.move("gold", price + 1)
        expect(page.locator("#price-gold")).to_have_text(shown)  # a pulse that told so, too

    page.get_by_role("tab", name="Pipeline").click()
    expect(page.locator("#services")).to_contain_text("Stream worker")
    asked.clear()
    prices_move(4200.0, "4,201.00")
    assert requests() == []
    page.get_by_role("tab", name="Your money").click()
    until(requests, "figures are asked for when they are seen again")
    expect(page.locator("#profit-median")).not_to_have_text("▲ +300")
    page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", {configurable: true, get: () => true});
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    asked.clear()
    prices_move(4300.0, "4,301.00")
    assert requests() == []
    page.evaluate(
        """() => {
            delete document.hidden;
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    until(requests, "figures are asked for when the page is seen again")


def test_pause_holds_prices_back(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    expect(page.locator("#word-page")).to_have_text("live")
    page.locator("#pause").check(force=True)
    expect(page.locator("#word-page")).to_have_text("paused")
    site.source.move("gold", 4321.0)
    second = page.context.new_page()
    second.goto(site.url)
    expect(second.locator("#price-gold")).to_have_text("4,321.00")
    expect(page.locator("#price-gold")).to_have_text("4,105.20")
    page.locator("#pause").uncheck(force=True)
    expect(page.locator("#price-gold")).to_have_text("4,321.00")
