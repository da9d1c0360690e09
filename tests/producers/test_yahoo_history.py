"""The Yahoo feed's past: kept on disk, revised, lost, asked for again; compared with what was sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from producers.errors import FixAndRestart
from producers.universe import load_universe
from producers.yahoo_feed import YahooFeed
from tests.producers.driven_feed import Driven
from tests.yahoo.server import Yahoo


def test_a_second_start_has_nothing_new(market: Yahoo, driven: Driven, tmp_path: Path) -> None:
    first = driven.history()
    assert {str(batch.symbol[0]) for batch in first} == {"^IXIC", "BTC-USD"}
    assert all(batch.whole for batch in first)
    version = driven.feed.data_hash()
    second = Driven(tmp_path / "yahoo")
    assert [batch.whole for batch in second.history()] == [False, False]  # filtered by what is in the log
    assert second.feed.data_hash() == version
    assert (
        market.asked["query2.finance.yahoo.com/v8/finance/chart/^IXIC"]
        + market.asked["query2.finance.yahoo.com/v8/finance/chart/%5EIXIC"]
    )


def test_a_revised_past_is_published_again_and_the_old_one_can_still_be_read(
    market: Yahoo, driven: Driven, tmp_path: Path
) -> None:
    driven.history()
    before = driven.feed._store.current()
    market.series["^IXIC"].adjusted = 0.99  # a dividend
    again = {str(batch.symbol[0]): batch for batch in Driven(tmp_path / "yahoo").history()}
    assert (again["^IXIC"].whole, again["BTC-USD"].whole) == (True, False)
    store = driven.feed._store
    assert store.current()["^IXIC"] != before["^IXIC"]
    old = store.read("^IXIC", before["^IXIC"])
    assert old is not None
    assert again["^IXIC"].price[0] == pytest.approx(0.99 * old.price[0])


def test_last_digits_are_no_revision(market: Yahoo, driven: Driven, tmp_path: Path) -> None:
    driven.history()
    version = driven.feed.data_hash()
    market.series["^IXIC"].adjusted = 1.0000001
    second = Driven(tmp_path / "yahoo")
    assert not any(batch.whole for batch in second.history())
    assert second.feed.data_hash() == version


def test_no_network_at_the_start_then_one(market: Yahoo, driven: Driven) -> None:
    market.offline = True
    assert driven.history() == []
    assert driven.feed.condition().blocks_training == "no history of any asset"
    driven.until(lambda: driven.feed.condition().state == "offline", "it says so")
    market.offline = False
    driven.until(lambda: len(driven.live(whole=True)) == 300, "the whole past is there")
    driven.until(lambda: not driven.feed.condition().blocks_training, "nothing is missing")


def test_no_network_at_a_later_start_publishes_what_is_on_the_disk(
    market: Yahoo, driven: Driven, tmp_path: Path
) -> None:
    expected = [len(batch) for batch in driven.history()]
    market.offline = True
    assert [len(batch) for batch in Driven(tmp_path / "yahoo").history()] == expected


def test_a_history_that_another_process_has_fetched_is_published(
    market: Yahoo, driven: Driven, tmp_path: Path
) -> None:
    driven.history()
    driven.subscribed(market)
    market.series["^IXIC"].adjusted = 0.9
    list(Driven(tmp_path / "yahoo").feed.history())
    driven.until(lambda: len(driven.live(whole=True)) == 300, "the revised past")


def test_an_unknown_symbol_is_named_with_its_line(market: Yahoo, tmp_path: Path) -> None:
    assert "OOPS.X" not in market.series
    file = tmp_path / "universe.toml"
    table = '[[asset]]\nid = "{0}"\nsymbol = "{1}"\nname = "{0}"\nkind = "price"\ncalendar = "sessions"\nunit = "USD"\n'
    file.write_text(table.format("nasdaq", "^IXIC") + "\n" + table.format("oops", "OOPS.X"))
    feed = YahooFeed(load_universe(file), tmp_path / "yahoo", file)
    with pytest.raises(FixAndRestart, match=rf"{file}:9: Yahoo knows no symbol 'OOPS.X'"):
        list(feed.history())


def test_a_symbol_that_is_delisted_later_is_a_problem_and_no_end(
    market: Yahoo, driven: Driven, tmp_path: Path
) -> None:
    driven.history()
    del market.series["^IXIC"]
    later = Driven(tmp_path / "yahoo")
    assert len(later.history()) == 2
    assert "delisted?" in later.feed.condition().problems["^IXIC"]


def test_a_history_that_the_log_has_lost_comes_whole_with_its_minutes(market: Yahoo, driven: Driven) -> None:
    driven.history()
    minute = driven.now_ms // 60_000 * 60
    market.series["^IXIC"].minutes = {minute - 60 * i: 100.0 + i for i in range(1, 4)}
    again = {str(batch.symbol[0]): batch for batch in driven.feed.history(through_ms=1)}
    assert all(batch.whole for batch in again.values())
    assert again["^IXIC"].price[-3:].tolist() == [103.0, 102.0, 101.0]
    assert len(again["^IXIC"]) == 303
