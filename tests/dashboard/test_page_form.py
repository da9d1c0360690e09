"""The form in a real browser: every figure follows it, and what is wrong with it is said."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import Tab
from tests.dashboard.browsing import PHONE, fan_medians, fill
from tests.dashboard.running_page import Site
from tests.services import until


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


def place(slider: Locator, share: float) -> tuple[float, float]:
    """The point of the window at this share of the slider's track."""
    track = (
        slider.locator("xpath=ancestor::*[starts-with(@id, 'slider-')]")
        .locator("[class*=Slider-track]")
        .first
    )
    track.scroll_into_view_if_needed()
    box = track.bounding_box()
    assert box
    return box["x"] + share * box["width"], box["y"] + box["height"] / 2


def gold_and_cash(page: Page) -> tuple[Locator, Locator]:
    return (
        page.get_by_role("slider", name="Gold in percent"),
        page.get_by_role("slider", name="Bank deposit in percent"),
    )


def test_a_slider_is_dragged_with_the_mouse(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    expect(page.locator("#profit-median")).to_have_text("▲ +300")
    gold, cash = gold_and_cash(page)
    for _ in range(3):  # numbers that are overtaken on their way make themselves heard only now and then
        page.mouse.move(*place(gold, 0.2))
        page.mouse.down()
        page.mouse.move(*place(gold, 0.3), steps=5)
        page.mouse.move(*place(gold, 0.0), steps=5)
        page.mouse.up()
        expect(page.locator("#weight-gold")).to_have_value("0 %")
    expect(gold).to_have_attribute("aria-valuenow", "0")
    page.mouse.click(*place(cash, 1.0))
    expect(page.locator("#weight-cash")).to_have_value("100 %")
    for other in ("nasdaq", "sp500", "bitcoin"):
        fill(page, f"weight-{other}", "0")
    expect(page.locator("#form-error")).to_have_text("")
    expect(page.locator("#profit-range")).to_have_text("+27 to +73")


@pytest.mark.parametrize("tab", [PHONE | {"has_touch": True, "is_mobile": True}], indirect=True)
def test_a_slider_is_tapped(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    expect(page.locator("#profit-median")).to_have_text("▲ +300")
    page.get_by_role("button", name="All deposit").click()
    expect(page.locator("#profit-range")).to_have_text("+27 to +73")
    gold, cash = gold_and_cash(page)
    page.touchscreen.tap(*place(cash, 0.0))
    expect(page.locator("#weight-cash")).to_have_value("0 %")
    page.touchscreen.tap(*place(gold, 1.0))
    expect(page.locator("#weight-gold")).to_have_value("100 %")
    expect(page.locator("#form-error")).to_have_text("")
    expect(page.locator("#profit-range")).not_to_have_text("+27 to +73")


def test_every_control_has_a_name(site: Site, quiet: Tab) -> None:
    page = quiet.open(site.url)
    expect(page.locator("#profit-median")).to_have_text("▲ +300")
    for name in ("Amount", "Gold", "NASDAQ Composite", "S&P 500", "Bitcoin", "Bank deposit"):
        expect(page.get_by_role("textbox", name=name, exact=True)).to_have_count(1)
    expect(page.get_by_role("slider")).to_have_count(5)
    expect(page.get_by_role("radiogroup", name="Horizon")).to_have_count(1)
    expect(page.get_by_role("switch", name="After inflation")).to_have_count(1)
