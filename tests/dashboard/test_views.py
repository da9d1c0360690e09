"""Every view in a real browser: what it shows, that it is accessible, that it fits; pictures of all of them.

The pictures are in the folder of the environment variable PAGE_PICTURES, or of pytest's own.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pydantic import SecretStr

from dashboard.access import AccessSettings, decide
from dashboard.asked import VIEWS
from dashboard.events import News
from dashboard.live import now_ms
from dashboard.record import Record
from producers.errors import TryAgain
from tests.browser import Tab
from tests.dashboard.conftest import Site, until
from tests.dashboard.stubs.forecasts import champion
from tests.dashboard.stubs.market import rows
from tests.dashboard.stubs.models import manifest, news
from tests.dashboard.stubs.record import record, trial
from tests.dashboard.stubs.source import StubSource
from training.audit import Chain
from training.events import ModelEvent

PHONE = {"viewport": {"width": 375, "height": 812}, "reduced_motion": "reduce"}
DESKTOP = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
LOOKS = [
    pytest.param({**size, "color_scheme": scheme}, id=f"{name}-{scheme}")
    for name, size in (("desktop", DESKTOP), ("phone", PHONE))
    for scheme in ("light", "dark")
]
VERSUS = "&vs=cash:100&vs=sp500:60,cash:40"


@pytest.fixture(scope="module", autouse=True)
def solver() -> None:
    """The frontier's first import takes seconds, on a busy machine longer than any test waits."""
    import skfolio.optimization  # noqa: F401


@pytest.fixture(scope="module")
def full() -> Iterator[Site]:
    """A page with a long memory: history, a record, drift reports, models."""
    watched = ModelEvent("shadow", "v2", "drift", now_ms() - 60_000, idempotency_key="drift:gold:20260729")
    source = StubSource(
        *rows(), champion=champion(manifest=manifest()), news=news(alarm=True).with_event(watched)
    )
    source.known = record(trial=trial(6, wider=0.9))
    running = Site(source)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(os.environ.get("PAGE_PICTURES") or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def quiet(tab: Tab) -> Iterator[Tab]:
    """A tab in which nothing may go wrong."""
    yield tab
    assert tab.errors == []


READY = {  # what a view shows when it is done
    "money": ("#profit-median", "+"),
    "compare": ("#suggestion", "expected profit"),
    "trust": ("#record-words", "forecasts have come due"),
    "models": ("#events", "A new model took over"),
    "health": ("#services", "Stream worker"),
}


def open_view(quiet: Tab, site: Site, view: str, more: str = "") -> Page:
    page = quiet.open(f"{site.url}?view={view}{more}")
    selector, text = READY[view]
    expect(page.locator(selector)).to_contain_text(text, timeout=20_000)
    return page


def query(page: Page) -> str:
    return page.evaluate("location.search")  # type: ignore[no-any-return]


def violations(page: Page) -> list[str]:
    found = Axe().run(page)
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['target']} {one['nodes'][0]['html'][:200]}"
        for one in found.response["violations"]
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
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, view


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


def test_retraining_and_rolling_back(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url + "?view=models")
    page.get_by_role("button", name="Retrain now").click()
    expect(page.locator("#action-answer")).to_have_text("A retraining was asked for.")
    site.source.said = site.source.said.with_event(
        ModelEvent("training", "", "manual", 2, "fitting the LSTM", progress=0.4)
    )
    expect(page.locator("#progress")).to_contain_text("40 %. Fitting the LSTM.")
    page.get_by_role("button", name="Roll back").click()
    expect(page.locator("#action-answer")).to_have_text("Choose the model first.")
    page.get_by_role("textbox", name="Model to roll back to").click()
    page.get_by_role("option", name="v0").click()
    page.get_by_role("button", name="Roll back").click()
    expect(page.locator("#action-answer")).to_have_text("v0 answers again.")
    assert site.source.did == ["retrain", "v0"]


def test_a_challenger_is_shown_beside_the_champion(full: Site, quiet: Tab) -> None:
    page = open_view(quiet, full, "models")
    standing = page.locator("#progress")
    expect(standing).to_contain_text("v2 is being watched: 4 of 10 sessions.")
    expect(standing.get_by_role("row", name="CRPS of one session, mean")).to_contain_text(" %")
    expect(standing).to_contain_text(
        "It is judged after 6 more sessions with an outcome. As it stands it would be"
    )


def saved(page: Page, button: str) -> tuple[str, bytes]:
    """Name and content of what a button saves."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


def test_every_table_is_saved_as_csv_and_every_chart_as_png(full: Site, quiet: Tab) -> None:
    page = open_view(quiet, full, "money", "&w=gold:50,cash:50")
    expect(page.locator("#outlook-cash")).to_contain_text("rate then 3.9\u00a0% (2.1\u00a0% to 5.6\u00a0%)")
    name, content = saved(page, "Save the prices as CSV")
    lines = list(csv.reader(content.decode().splitlines()))
    assert name == "allocast-live-prices-and-the-outlook-of-each-asset.csv"
    assert lines[0] == ["Asset", "Price", "Today", "Last hour", "Last minutes", "Outlook to your horizon"]
    assert [line[1] for line in lines[1:3]] == ["4,105.20", "22,990.50"]
    _, content = saved(
        page, "Save as CSV: What each asset adds to the mean profit and to the worst twentieth"
    )
    assert [line[:2] for line in csv.reader(content.decode().splitlines())] == [
        ["Asset", "Weight"],
        ["Gold", "50 %"],
        ["Bank deposit", "50 %"],
    ]
    for view, chart, button in (
        ("money", "fan", "Save the chart as PNG"),
        ("compare", "frontier", "Save the frontier as PNG"),
        ("trust", "reliability", "Save the chart as PNG"),
        ("models", "drift", "Save the chart as PNG"),
    ):
        open_view(quiet, full, view, VERSUS if view == "compare" else "")
        until(lambda chart=chart: drawn(page, chart), "the chart is drawn")
        name, content = saved(page, button)
        assert name == f"allocast-{chart}.png"
        assert content.startswith(b"\x89PNG")
        for table in page.locator(".sheet:visible").all():
            assert table.get_by_role("button", name="Save as CSV: ").count() == 1


def drawn(page: Page, chart: str) -> bool:
    return page.locator(f"#{chart} .js-plotly-plot .trace").count() > 0


def test_a_printed_page_says_where_it_comes_from(full: Site, quiet: Tab, pictures: Path) -> None:
    page = open_view(quiet, full, "money", "&amount=2500")
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("#printed")).to_contain_text("amount=2500")
    expect(page.locator("#printed")).to_contain_text("model v1")
    equal = "20 % Gold, 20 % NASDAQ Composite, 20 % S&P 500, 20 % Bitcoin, 20 % Bank deposit"
    expect(page.locator("#asked")).to_have_text(f"2,500: {equal}")
    expect(page.locator("#title-form")).to_be_hidden()
    expect(page.locator("#state-result")).to_be_hidden()
    page.pdf(path=pictures / "summary.pdf", format="A4")


def test_the_chain_behind_a_model(full: Site, quiet: Tab) -> None:
    page = open_view(quiet, full, "models")
    chain = page.locator("#chain")
    expect(chain.get_by_role("region", name="How v1 came to be")).to_contain_text("Alarm")
    for words in (
        "Gold, size of the moves: 6,000, alarm from 4,032, session 2026-07-29",
        "23 sessions; the last was scored from market.bars[4]@5120 and forecasts.log[4]@733",
        "5f0c1d2e3a4b",
        "seeds 5; epochs 12; 61 s; code 0a1b2c3d",
        "accepted: on 378 held-out sessions",
        "over 10 sessions its CRPS was 1.2% of the possible below that of v0",
    ):
        expect(chain).to_contain_text(words, ignore_case=True)
    page.get_by_role("textbox", name="Model whose chain is shown").click()
    page.get_by_role("option", name="v0").click()
    expect(chain.get_by_role("region", name="How v0 came to be")).to_be_visible()
    page.locator("#events").get_by_role("button", name="How v1 came to be").first.click()
    expect(chain.get_by_role("region", name="How v1 came to be")).to_be_visible()


def test_a_chain_that_cannot_be_read_is_said(site: Site, quiet: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(version: str) -> Chain:
        raise TryAgain(f"the broker does not answer, so {version} has no chain")

    page = quiet.open(site.url + "?view=models")
    expect(page.locator("#chain")).to_contain_text("Decision")
    monkeypatch.setattr(site.source, "chain", away)
    page.get_by_role("textbox", name="Model whose chain is shown").click()
    page.get_by_role("option", name="v0").click()
    expect(page.locator("#chain-error")).to_have_text("the broker does not answer, so v0 has no chain")
    expect(page.locator("#chain")).to_contain_text("Decision")


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


def test_charts_have_words_and_a_table(full: Site, quiet: Tab) -> None:
    page = open_view(quiet, full, "money")
    expect(page.locator("#fan-summary")).to_contain_text("90 of 100 scenarios lie between")
    page.get_by_text("The chart as a table").click()
    expect(page.locator("#fan-table tbody tr")).to_have_count(6)


def test_dark_never_shows_white_first(full: Site, chromium: object) -> None:
    context = chromium.new_context(color_scheme="dark")  # type: ignore[attr-defined]
    page = context.new_page()
    page.add_init_script(
        "new PerformanceObserver(() => { window.first = window.first || "
        "getComputedStyle(document.documentElement).backgroundColor; }).observe({type: 'paint', buffered: true})"
    )
    page.goto(full.url)
    expect(page.locator("#profit-median")).to_contain_text("+")
    assert page.evaluate("window.first") == "rgb(18, 20, 23)"
    context.close()
