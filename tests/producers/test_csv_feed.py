from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from producers import feed
from producers.csv_feed import CsvFeed, read_csv
from producers.errors import FixAndRestart
from producers.sessions import nyse
from producers.universe import load_universe

UNIVERSE = load_universe()
GOLD, BITCOIN = UNIVERSE.asset[0], UNIVERSE.asset[3]


def write(folder: Path, name: str, rows: str) -> Path:
    path = folder / name
    path.write_text("date,close\n" + rows)
    return path


@pytest.mark.parametrize(
    ("rows", "line", "says"),
    [
        ("2019-13-01,5\n", 2, "expected a date"),
        ("yesterday,5\n", 2, "expected a date"),
        ("2019-01-02,abc\n", 2, "expected a number"),
        ("2019-01-02,\n", 2, "expected a number"),
        ("2019-01-02,5\n2019-01-03,0\n", 3, "must be > 0"),
        ("2019-01-02,5\n2019-01-03,-1\n", 3, "must be > 0"),
        ("2019-01-02,nan\n", 2, "must be > 0"),
        ("2019-01-02,inf\n", 2, "must be > 0"),
        ("2019-01-03,5\n2019-01-02,5\n", 3, "dates must increase"),
        ("2019-01-02,5\n2019-01-02,5\n", 3, "dates must increase"),
        ("2019-01-02,1e200\n", 2, "at most 1e+15"),
        ("2019-01-02\n", 2, "expected a number"),
    ],
)
def test_a_bad_row_is_refused_with_file_line_and_reason(
    tmp_path: Path, rows: str, line: int, says: str
) -> None:
    path = write(tmp_path, "gold.csv", rows)
    with pytest.raises(FixAndRestart) as caught:
        read_csv(path, GOLD, nyse())
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert says in str(caught.value)


@pytest.mark.parametrize("rate", ["1e200", "-1001", "nan", "inf"])
def test_a_rate_has_bounds_too(tmp_path: Path, rate: str) -> None:
    bill = next(asset for asset in UNIVERSE.asset if asset.kind == "rate")
    with pytest.raises(FixAndRestart, match="within 1000 % per year"):
        read_csv(write(tmp_path, "tbill.csv", f"2019-01-02,{rate}\n"), bill, nyse())


def test_missing_columns_and_empty_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "gold.csv"
    path.write_text("day,price\n2019-01-02,5\n")
    with pytest.raises(FixAndRestart, match="expected the columns date,close"):
        read_csv(path, GOLD, nyse())
    with pytest.raises(FixAndRestart, match="no rows"):
        read_csv(write(tmp_path, "gold.csv", ""), GOLD, nyse())
    (tmp_path / "gold.csv").unlink()
    with pytest.raises(FixAndRestart, match="found no price file"):
        CsvFeed(tmp_path, UNIVERSE, 5, 1.0)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gold.csv"
    path.write_bytes(b"date,close\n2019-01-02,5\n\xff\xfe\x00,6\n")
    with pytest.raises(FixAndRestart, match="not a CSV file in UTF-8"):
        read_csv(path, GOLD, nyse())


def test_a_close_is_known_at_the_session_close_in_new_york(tmp_path: Path) -> None:
    path = write(tmp_path, "gold.csv", "2019-07-03,5\n2019-07-04,6\n2019-07-05,7\n")
    ticks = read_csv(path, GOLD, nyse())
    times = [datetime.fromtimestamp(ms / 1000, UTC) for ms in ticks.event_ms]
    assert [f"{at:%d %H:%M}" for at in times] == ["03 17:00", "04 20:00", "05 20:00"]  # half day, holiday


def test_bitcoins_day_ends_at_midnight_utc_and_counts_for_the_next_session(tmp_path: Path) -> None:
    path = write(tmp_path, "bitcoin.csv", "2019-01-04,5\n2019-01-05,6\n2019-01-06,7\n")
    ticks = read_csv(path, BITCOIN, nyse())
    sessions = [str(nyse().date[nyse().index_at(int(ms))]) for ms in ticks.event_ms]
    assert sessions == ["2019-01-07", "2019-01-07", "2019-01-07"]  # Friday night and the weekend: Monday


def test_the_last_sessions_are_live_and_nothing_is_lost(tmp_path: Path) -> None:
    dates = [str(day) for day in nyse().date[12_000:12_040]]
    write(tmp_path, "gold.csv", "".join(f"{day},{100 + i}\n" for i, day in enumerate(dates)))
    write(tmp_path, "sp500.csv", "".join(f"{day},{200 + i}\n" for i, day in enumerate(dates)))
    feed = CsvFeed(tmp_path, UNIVERSE, 10, 10_000.0)
    history = next(iter(feed.history()))
    live = list(feed.live({}))
    assert len(history) == 60
    assert len(live) == 10
    assert all(part.settled for part in live)
    assert history.event_ms.max() < min(int(part.event_ms.min()) for part in live)
    assert (np.diff(history.event_ms) >= 0).all()
    seen = int(live[3].event_ms.max())
    assert [part.price.tolist() for part in feed.live({"GC=F": seen})] == [
        part.price.tolist() for part in live[4:]
    ]
    assert feed.missing == ["nasdaq", "bitcoin", "cash"]
    assert feed.data_hash() == CsvFeed(tmp_path, UNIVERSE, 10, 1.0).data_hash()


def test_between_slow_sessions_it_says_that_it_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "SLICE_S", 0.01)
    write(
        tmp_path,
        "gold.csv",
        "".join(f"{day},{100 + i}\n" for i, day in enumerate(nyse().date[12_000:12_010])),
    )
    got = [len(part) for part in CsvFeed(tmp_path, UNIVERSE, 2, 20.0).live({})]
    assert got.count(1) == 2
    assert got.count(0) >= 4


def test_sessions_without_a_row_are_reported_and_played_ones_can_be_published_again(tmp_path: Path) -> None:
    dates = [str(day) for i, day in enumerate(nyse().date[12_000:12_040]) if i not in (7, 20)]
    write(tmp_path, "gold.csv", "".join(f"{day},{100 + i}\n" for i, day in enumerate(dates)))
    feed = CsvFeed(tmp_path, UNIVERSE, 10, 10_000.0)
    missing = [int(nyse().yyyymmdd[12_000 + i]) for i in (7, 20)]
    assert feed.condition().gaps == {"GC=F": missing}
    whole = next(iter(feed.history(through_ms=2**52)))
    assert len(whole) == len(dates)


def test_any_asset_of_the_universe_may_have_a_file(tmp_path: Path) -> None:
    file = tmp_path / "universe.toml"
    file.write_text(
        '[[asset]]\nid = "silver"\nsymbol = "SI=F"\nname = "Silver"\nkind = "price"\n'
        'calendar = "sessions"\nunit = "USD/oz"\n'
    )
    write(tmp_path, "silver.csv", "2019-01-02,15.5\n2019-01-03,15.7\n")
    feed = CsvFeed(tmp_path, load_universe(file), 0, 1.0)
    assert next(iter(feed.history())).symbol.tolist() == ["SI=F", "SI=F"]
