"""What is said about a feed, from its own report."""

from __future__ import annotations

import msgspec
import pytest

from producers.feed_health import examine
from producers.feed_report import FeedReport, SymbolReport

NOW = 1_760_000_000_000
FRESH = SymbolReport("GC=F", last_event_ms=NOW - 3_000, last_seen_ms=NOW - 2_000, ticks=10)
LIVE = FeedReport("yahoo", "auto", "live", since_ms=NOW - 60_000, at_ms=NOW - 1_000, symbols=[FRESH])


def levels(report: FeedReport) -> dict[str, str]:
    return {one.subject: one.level for one in examine(report, NOW)}


def test_a_live_feed_is_well_and_says_lag_and_last_tick() -> None:
    found = examine(LIVE, NOW)
    assert {one.level for one in found} == {"ok"}
    assert found[0].text == "live for 60 s"
    assert found[1].text == "last tick 3 s ago by the exchange, lag 1.0 s"


@pytest.mark.parametrize("state", ["offline", "polling", "starting"])
def test_a_feed_without_a_stream_is_a_warning_with_its_reason(state: str) -> None:
    report = msgspec.structs.replace(LIVE, state=state, detail="429")
    assert examine(report, NOW)[0].text.endswith("429")
    assert levels(report)["yahoo"] == "warning"


def test_a_closed_market_is_not_stale() -> None:
    old = msgspec.structs.replace(FRESH, last_event_ms=NOW - 200_000_000, last_seen_ms=NOW - 199_999_000)
    assert set(levels(msgspec.structs.replace(LIVE, state="closed", symbols=[old])).values()) == {"ok"}


def test_a_producer_that_is_gone_an_old_tick_and_gaps_are_named() -> None:
    assert levels(msgspec.structs.replace(LIVE, at_ms=NOW - 61_000))["yahoo"] == "error"
    lagging = msgspec.structs.replace(FRESH, last_event_ms=NOW - 400_000, missing_sessions=3, gaps=[20190701])
    said = examine(msgspec.structs.replace(LIVE, symbols=[lagging, SymbolReport("^IXIC")]), NOW)
    assert [one.level for one in said] == ["ok", "warning", "ok", "warning"]
    assert "3 sessions without a close, the newest 20190701" in said[2].text


def test_old_reports_can_be_read() -> None:
    raw = b'{"feed":"csv","asked":"csv","state":"live","since_ms":1,"at_ms":2,"new_field":[1]}'
    assert msgspec.json.decode(raw, type=FeedReport).symbols == []
