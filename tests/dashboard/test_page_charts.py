"""A chart is drawn from its numbers, and has words and a table."""

from __future__ import annotations

from playwright.sync_api import expect

from dashboard import money
from tests.browser import Tab
from tests.dashboard.browsing import open_view
from tests.dashboard.running_page import Site
from tests.services import until


def test_the_fan_is_drawn_from_its_numbers(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url + "?amount=500&h=1m")
    chart = "document.querySelector('#fan .js-plotly-plot')"
    horizon = f"{chart}?.layout?.shapes?.[2]?.x1"
    until(lambda: page.evaluate(horizon) == 21, "the fan is drawn, and not that of the page's first figures")
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


def test_charts_have_words_and_a_table(full: Site, quiet: Tab) -> None:
    page = open_view(quiet, full, "money")
    expect(page.locator("#fan-summary")).to_contain_text("90 of 100 scenarios lie between")
    page.get_by_text("The chart as a table").click()
    expect(page.locator("#fan-table tbody tr")).to_have_count(6)
