"""Chromium for browser tests: one process per module, one clean page per test, console errors collected.

Not one per run: while Playwright's synchronous API is open its event loop runs, and asyncio.run fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")  # Debian's; playwright's own download is not needed
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=15_000)  # on a machine that is busy a page takes seconds to start


@dataclass
class Tab:
    """A page and everything that went wrong in it."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def open(self, url: str) -> Page:
        self.page.goto(url, wait_until="load")
        return self.page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser; the test is skipped where Debian's chromium is not installed."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Tab]:
    """A page of its own profile. Options (viewport, color_scheme) come by indirect parameters."""
    options = getattr(request, "param", {})
    context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(15_000)
    opened = Tab(context.new_page())
    opened.page.on("console", lambda said: opened.errors.append(said.text) if said.type == "error" else None)
    opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.page.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith(("http://127.0.0.1", "data:", "blob:"))
            else opened.errors.append(f"asked the internet for {asked.url}")
        ),
    )
    yield opened
    context.close()
