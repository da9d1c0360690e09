"""What leaves the page: tables as CSV, charts as PNG, the printed summary."""

from __future__ import annotations

import csv
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import Tab
from tests.dashboard.browsing import VERSUS, open_view
from tests.dashboard.running_page import Site
from tests.services import until


def saved(page: Page, button: str) -> tuple[str, bytes]:
    """Name and content of what a button saves."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


def drawn(page: Page, chart: str) -> bool:
    return page.locator(f"#{chart} .js-plotly-plot .trace").count() > 0


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
