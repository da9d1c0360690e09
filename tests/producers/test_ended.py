"""A feed that has nothing to say is no dead producer."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from launcher.create_topics import ensure_topics
from producers import feed_report, production
from producers.__main__ import parse
from producers.feed_health import newest_report
from producers.sessions import nyse
from producers.settings import load_settings
from producers.universe import load_universe
from tests.services import until
from tests.stubs import SESSION


def test_after_a_csv_has_ended_its_producer_goes_on_reporting_and_publishing_again(
    empty_broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(production, "IDLE_S", 0.05)
    monkeypatch.setattr(feed_report, "EVERY_S", 0.0)
    data = tmp_path / "data"
    data.mkdir()
    rows = "".join(f"{day},{100 + i}\n" for i, day in enumerate(nyse().date[SESSION : SESSION + 30]))
    (data / "gold.csv").write_text("date,close\n" + rows)
    settings = load_settings(kafka_bootstrap_servers=empty_broker, state_dir=tmp_path / "state")
    ensure_topics(settings)
    options = parse(["--feed", "csv", "--data", str(data), "--replay", "5", "--speed", "1000"])
    feed, stop = production.Production(options, load_universe(), settings), threading.Event()
    running = threading.Thread(target=feed.run, args=(stop,))
    running.start()
    try:

        def ended() -> int:
            report = newest_report(settings)
            return report.at_ms if report is not None and report.state == "ended" else 0

        until(ended, "the feed has ended")
        first = ended()
        until(lambda: ended() > first, "it is said again")

        def published() -> int:
            report = newest_report(settings)
            return report.symbols[0].ticks if report is not None else 0

        assert published() == 30
        monkeypatch.setattr(production, "AGAIN_S", 0.0)
        until(lambda: published() >= 60, "the whole past once more")
    finally:
        stop.set()
        running.join(20)
    assert not running.is_alive()
