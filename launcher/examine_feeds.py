"""`allocast doctor` on the feeds: what their producers say of themselves."""

from __future__ import annotations

from collections.abc import Iterator

from launcher.finding import Finding, Verdict
from producers.feed_health import health
from producers.settings import Settings

VERDICTS: dict[str, Verdict] = {"ok": "ok", "warning": "warn", "error": "fail"}


def feeds(settings: Settings) -> Iterator[Finding]:
    """One finding per feed and one or more per symbol."""
    for one in health(settings):
        name = one.subject if one.subject == "feeds" else f"feed {one.subject}"
        yield Finding(name, VERDICTS[one.level], one.text, one.do)
