from __future__ import annotations

import time
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from producers.errors import FixAndRestart, TryAgain
from producers.inflation import DOWNLOADED, Cpi, load_cpi, parse_cpi
from producers.inflation_feed import date_in_new_york, download, ticks
from producers.publisher import Framer
from producers.reference import CPI
from producers.sessions import nyse
from producers.universe import load_universe
from stream_processors.partition import Partition
from tests.yahoo.server import Yahoo


def test_a_month_is_known_only_in_the_middle_of_the_next() -> None:
    cpi = load_cpi()
    assert str(cpi.known_at(np.datetime64("2019-06-14")).month[-1]) == "2019-04"
    assert str(cpi.known_at(np.datetime64("2019-06-15")).month[-1]) == "2019-05"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("2019-01-31,250\n2019-05-31,251\n", ":3: expected month 2019-02"),
        ("2019-01-31,250\n2019-01-31,251\n", ":3: expected month 2019-02"),
        ("2019-01-31,-1\n", ":2: the index must be > 0"),
        ("2019-01-31,x\n", ":2: expected date,close"),
        ("", "no rows"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, rows: str, says: str) -> None:
    path = tmp_path / "cpi.csv"
    path.write_text("date,close\n" + rows)
    with pytest.raises(FixAndRestart) as caught:
        load_cpi(path)
    assert says in str(caught.value)


def test_a_month_that_was_never_published_lies_between_its_neighbours() -> None:
    text = "observation_date,CPIAUCNS\n2025-08-01,100.0\n2025-09-01,101.0\n2025-10-01,.\n2025-11-01,103.02\n"
    cpi = parse_cpi(text, "fred")
    assert cpi.filled == ("2025-10",)
    assert cpi.level[2] == pytest.approx((101.0 * 103.02) ** 0.5)
    assert [str(day) for day in cpi.known] == ["2025-09-15", "2025-10-24", "2025-12-18", "2025-12-18"]


def test_before_2017_a_month_is_known_when_the_bureau_was_latest() -> None:
    assert str(load_cpi().known_at(np.datetime64("2010-02-25")).month[-1]) == "2009-12"
    assert str(load_cpi().known_at(np.datetime64("2010-02-26")).month[-1]) == "2010-01"


def test_a_download_counts_when_it_is_newer_and_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOCAST_STATE_DIR", str(tmp_path))
    shipped = load_cpi()
    (tmp_path / DOWNLOADED).write_text("<html>sorry</html>")
    assert load_cpi().source == "snapshot"
    later = str(shipped.month[-1] + 1)
    rows = "".join(f"{m}-01,{v}\n" for m, v in zip(shipped.month, shipped.level, strict=True))
    (tmp_path / DOWNLOADED).write_text(f"date,close\n{rows}{later}-01,300\n")
    assert (load_cpi().source, str(load_cpi().month[-1])) == ("fred", later)


def fred(cpi: Cpi, *more: tuple[str, str]) -> str:
    """FRED's CSV of a series and some more months."""
    rows = [(f"{month}-01", str(level)) for month, level in zip(cpi.month, cpi.level, strict=True)]
    return "observation_date,CPIAUCNS\n" + "".join(f"{day},{value}\n" for day, value in [*rows, *more])


def test_a_month_that_appears_is_known_from_the_day_it_was_seen(yahoo: Yahoo, tmp_path: Path) -> None:
    shipped, path, first = load_cpi(), tmp_path / "cpi.csv", date(2031, 1, 9)
    new = str(shipped.month[-1] + 1)
    yahoo.cpi = fred(shipped, (f"{new}-01", "300.5"))
    assert str(download(path, first).known[-1]) == "2031-01-09"
    later = download(path, date(2031, 2, 20))
    assert (str(later.known[-1]), later.known[0]) == ("2031-01-09", shipped.known[0])
    two = str(shipped.month[-1] + 3)
    yahoo.cpi = fred(
        shipped, (f"{new}-01", "300.5"), (f"{shipped.month[-1] + 2}-01", "."), (f"{two}-01", "303")
    )
    assert download(path, date(2031, 3, 10)).filled == (str(shipped.month[-1] + 2),)


@pytest.mark.parametrize("answer", [None, "<html>busy</html>", "observation_date,CPIAUCNS\n2019-01-01,-1\n"])
def test_an_answer_that_is_no_series_leaves_what_is_held(
    yahoo: Yahoo, tmp_path: Path, answer: str | None
) -> None:
    yahoo.cpi = answer
    with pytest.raises(TryAgain, match="FRED"):
        download(tmp_path / "cpi.csv", date(2031, 1, 9))
    assert not (tmp_path / "cpi.csv").exists()


def test_a_feature_row_of_consumer_prices_is_as_of_its_release() -> None:
    cpi = load_cpi()
    months = ticks(cpi, int(time.time() * 1000))
    part = Partition(0, "log:0", load_universe(), nyse())
    for _, frame in Framer("cpi:snapshot", 1, "e").frames(months, int(months.event_ms[-1]) + 1, history=True):
        outcome = part.apply(frame, frame.seq)
    assert outcome.dead == []
    row = part.online_row(CPI.symbol)
    assert row is not None
    assert row.values[0] == cpi.level[-1]
    assert row.event_ms == months.event_ms[-1]
    released = np.datetime64(row.event_ms, "ms").astype("datetime64[D]")
    assert released == cpi.known[-1]


def ms(day: int, hour: int, minute: int = 0) -> int:
    """A moment of December 2024, UTC."""
    return int(datetime(2024, 12, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


def test_a_month_that_is_there_before_half_past_eight_is_known_now_and_not_later() -> None:
    cpi = parse_cpi(
        "date,close,known\n2024-10-01,300,2024-11-13\n2024-11-01,301,2024-12-11\n2024-12-01,302,2025-01-15\n",
        "fred",
    )
    morning = ms(11, 9)  # of Europe: New York is asleep
    months = ticks(cpi, morning)
    assert months.event_ms[-1] == morning
    assert months.price.tolist() == [300.0, 301.0]
    part = Partition(0, "log:0", load_universe(), nyse())
    for _, frame in Framer("cpi:fred", 1, "e").frames(months, morning, history=True):
        assert part.apply(frame, frame.seq).dead == []
    assert ticks(cpi, ms(11, 21)).event_ms[-1] == ms(11, 13, 30)


def test_the_day_on_which_a_month_appears_is_new_yorks() -> None:
    assert date_in_new_york(ms(11, 3)) == date(2024, 12, 10)
