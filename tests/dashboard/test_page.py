# ruff: noqa: RUF001 - the page writes a true minus sign and an en dash
"""The page in a real browser, against the real app. Every test fails on any error in the console."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from pydantic import SecretStr

from dashboard import money
from dashboard.access import Access, AccessSettings, decide
from dashboard.events import DriftReport
from tests.asking import ask
from tests.browser import Tab
from tests.dashboard.conftest import Site, until
from tests.dashboard.stubs.forecasts import champion
from tests.dashboard.stubs.market import rows
from training.answer import Answer
from training.events import ModelEvent

LIGHT_TEXT, DARK_TEXT = "#2a3f5f", "#f2f5fa"  # of the two chart templates
PHONE = {"viewport": {"width": 375, "height": 812}}


@pytest.fixture
def quiet(tab: Tab) -> Iterator[Tab]:
    """A tab in which nothing may go wrong."""
    yield tab
    assert tab.errors == []


def fan_medians(page: Page) -> list[float]:
    return page.evaluate("document.querySelector('#fan .js-plotly-plot')?.data?.[4]?.y ?? []")  # type: ignore[no-any-return]


def wait_for_font(page: Page, colour: str) -> None:
    """Until the chart is drawn with the template whose text has this colour."""
    look = "document.querySelector('#fan .js-plotly-plot')?._fullLayout?.font.color"
    until(lambda: page.evaluate(look) == colour, f"the chart in {colour}")


def overflow(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")  # type: ignore[no-any-return]


def fill(page: Page, field: str, value: str) -> None:
    page.locator(f"#{field}").fill(value)


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


def test_changing_a_weight_changes_every_figure(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    expect(page.locator("#profit-median")).to_have_text("▲ +300")
    fill(page, "weight-bitcoin", "0")
    expect(page.locator("#form-error")).to_contain_text("they sum to 80; add 20")
    fill(page, "weight-cash", "40")
    expect(page.locator("#form-error")).to_have_text("")
    expect(page.locator("#profit-median")).to_have_text("▲ +140")
    expect(page.locator("#sum")).to_have_text("100 %")
    until(lambda: fan_medians(page)[-1:] == [140.0], "the fan's median")
    page.get_by_text("3 months", exact=True).click()
    expect(page.locator("#sentence")).to_contain_text("In 63 trading days (about 3 months)")
    page.get_by_role("switch", name="After inflation").click()
    expect(page.locator("#sentence")).to_contain_text("before inflation")
    fill(page, "amount", "100")
    expect(page.locator("#profit-median")).to_have_text("▲ +1.45")


def test_an_invalid_form_keeps_the_last_figures_dimmed(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    expect(page.locator("#profit-median")).to_have_text("▲ +300")
    fill(page, "weight-gold", "55.5")
    expect(page.locator("#form-error")).to_have_text(
        "weights: must sum to 100 percent, they sum to 135.5; take away 35.5"
    )
    expect(page.locator("#figures")).to_have_class("dim")
    expect(page.locator("#profit-median")).to_have_text("▲ +300")
    page.get_by_role("button", name="Scale to 100").click()
    expect(page.locator("#form-error")).to_have_text("")
    expect(page.locator("#figures")).not_to_have_class("dim")
    expect(page.locator("#weight-gold")).to_have_value("40.9 %")
    fill(page, "amount", "")
    expect(page.locator("#form-error")).to_contain_text("amount: expected more than 0")


def test_presets_sliders_and_numbers_agree(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    expect(page.locator("#profit-median")).to_have_text("▲ +300")
    page.get_by_role("button", name="60/40").click()
    expect(page.locator("#weight-sp500")).to_have_value("60 %")
    slider = page.get_by_role("slider", name="S&P 500 in percent")
    expect(slider).to_have_attribute("aria-valuenow", "60")
    slider.press("ArrowRight")
    expect(page.locator("#weight-sp500")).to_have_value("61 %")
    expect(page.locator("#form-error")).to_contain_text("take away 1")
    page.get_by_role("button", name="All deposit").click()
    expect(page.locator("#profit-range")).to_have_text("+27 to +73")
    expect(slider).to_have_attribute("aria-valuenow", "0")


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


def test_every_control_has_a_name(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    expect(page.locator("#profit-median")).to_have_text("▲ +300")
    for name in ("Amount", "Gold", "NASDAQ Composite", "S&P 500", "Bitcoin", "Bank deposit"):
        expect(page.get_by_role("textbox", name=name, exact=True)).to_have_count(1)
    expect(page.get_by_role("slider")).to_have_count(5)
    expect(page.get_by_role("radiogroup", name="Horizon")).to_have_count(1)
    expect(page.get_by_role("switch", name="After inflation")).to_have_count(1)


def test_health_answers_without_data(site: Site) -> None:
    answer = ask(site.url + "healthz")
    assert answer.headers["content-type"] == "application/json"
    assert (answer.status, answer.body) == (200, b'{"status":"ok"}')


def test_two_viewers_share_one_poller(site: Site, quiet: Tab) -> None:
    first = quiet.open(site.url)
    second = first.context.new_page()
    second.goto(site.url)
    site.source.move("bitcoin", 70_000.0)
    for page in (first, second):
        expect(page.locator("#price-bitcoin")).to_have_text("70,000.00")


@pytest.mark.parametrize("tab", [{"color_scheme": "light"}], indirect=True)
def test_without_a_choice_the_system_decides(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    wait_for_font(page, LIGHT_TEXT)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    wait_for_font(page, DARK_TEXT)


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


def broken(*_: object) -> Answer:
    raise RuntimeError("a fault of ours")


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


def test_the_fan_is_drawn_from_its_numbers(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url + "?amount=500&h=1m")
    until(lambda: len(fan_medians(page)) == 7, "the fan is drawn")
    chart = "document.querySelector('#fan .js-plotly-plot')"
    low, high, *_, median = page.evaluate(f"{chart}.data.map(line => line.y)")
    assert all(below <= middle <= above for below, middle, above in zip(low, median, high, strict=True))
    assert page.evaluate(f"{chart}.data[4].customdata") == [list(one) for one in zip(low, high, strict=True)]
    assert ".2f" in page.evaluate(f"{chart}.data[4].hovertemplate")  # a small amount
    marked = page.evaluate(f"{chart}.layout.shapes.map(one => [one.x0, one.x1])")
    assert marked == [[0, 1], [0, 0], [21, 21]]
    page.get_by_text("The chart as a table").click()
    row = page.locator("#fan-rows tr").first
    cells = [money.profit(one[1], 500.0) for one in page.evaluate(f"{chart}.data.map(line => line.y)")]
    p05, p95, p25, p75, middle = cells
    expect(row).to_have_text("".join(["21", p05, p25, middle, p75, p95]))


def test_nobody_asks_for_figures_that_nobody_sees(site: Site, quiet: Tab) -> None:
    asked: list[str] = []
    quiet.page.on(
        "request", lambda one: asked.append(one.url) if "profit-median" in (one.post_data or "") else None
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
    expect(page.locator("#figures")).not_to_have_attribute("data-dash-is-loading", "true")
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
