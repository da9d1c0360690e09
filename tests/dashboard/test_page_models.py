"""Models in a real browser: retraining, rolling back, the challenger, the chain that led to each."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from producers.errors import TryAgain
from tests.browser import Tab
from tests.dashboard.browsing import open_view
from tests.dashboard.running_page import Site
from training.audit import Chain
from training.events import ModelEvent


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
