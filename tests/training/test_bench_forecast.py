"""The evaluation from a folder of files to its JSON and its page."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from benchmarks.forecast import command, report, run
from producers.errors import FixAndRestart
from producers.sessions import nyse
from tests.stubs import SESSION, random_walk
from training.lstm import Effort
from training.walk_forward import Track

# Keras and tensorflow use what numpy and Python deprecate.
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]

FIRST, N = SESSION - 1_000, 1_300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gold and bitcoin by session, 1,300 of them."""
    path = tmp_path_factory.mktemp("data")
    for number, name in enumerate(("gold", "bitcoin")):
        days = nyse().date[FIRST : FIRST + N]
        lines = [f"{day},{price}" for day, price in zip(days, random_walk(N, seed=number), strict=True)]
        (path / f"{name}.csv").write_text("date,close\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def evaluated(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Track]:
    return run.run(
        folder,
        date.fromisoformat(str(nyse().date[FIRST + 1_000])),
        Effort(seeds=2, epochs=1, stride=20),
        cache=tmp_path_factory.mktemp("cache"),
    )


def test_the_json_is_as_documented(evaluated: tuple[dict[str, Any], Track]) -> None:
    result, track = evaluated
    assert {"random_walk", "garch_fhs", "har", "climatology", "pool", "pool_without_lstm"} <= set(result)
    for horizon in ("63", "126"):
        entry = result["pool"][horizon]
        assert {
            "skill_vs_rw",
            "t_vs_rw",
            "skill_vs_garch_fhs",
            "t_vs_garch_fhs",
            "coverage90",
            "left_tail05",
        } <= set(entry)
        assert set(entry["assets"]) == {"gold", "bitcoin"}
        assert result["random_walk"][horizon]["skill_vs_rw"] == 0
        assert 0 <= entry["coverage90"] <= 1
        assert result["joint"][horizon]["origins"] > 0
        assert len(result["joint"][horizon]["profit_skill_by_allocation"]) == 12
        spread = result["lstm_seeds_skill_vs_rw"][horizon]
        assert len(spread) == 2
        assert min(spread) - 0.01 < result["lstm"][horizon]["skill_vs_rw"] < max(spread) + 0.01
        assert "skill" in result["lstm_contribution"][horizon]
    assert not [name for name in track.quantiles if "seed" in name]
    assert np.all(np.diff(track.origins) == 21)
    assert result["test_from"] == str(nyse().date[track.origins[0]])


def test_a_second_run_takes_what_was_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = date.fromisoformat(str(nyse().date[FIRST + 1_200]))
    once = run.run(folder, start, with_lstm=False, cache=tmp_path)[0]
    monkeypatch.setattr(run.walk_forward, "walk", lambda *_: pytest.fail("it was computed again"))
    again = run.run(folder, start, with_lstm=False, cache=tmp_path)[0]
    first, second = (msgspec.json.encode({**one, "seconds": None}) for one in (once, again))  # NaN is null
    assert first == second


def test_a_test_that_begins_after_the_data_says_so(folder: Path) -> None:
    with pytest.raises(FixAndRestart, match="the data end on"):
        run.run(folder, date(2030, 1, 1), with_lstm=False)


def test_the_page_needs_no_network(evaluated: tuple[dict[str, Any], Track]) -> None:
    page = report.html(*evaluated)
    assert "<h2>63 sessions</h2>" in page
    assert "energy score" in page
    assert "of single networks" in page
    assert 'src="http' not in page


def test_options_and_lines_of_progress(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    command.add_options(parser)
    options = parser.parse_args(["--data", str(folder), "--no-lstm", "--seeds", "1"])
    assert (options.test_from, options.seeds) == (run.TEST_FROM, 1)
    assert Effort(seeds=options.seeds).epochs == Effort().epochs
    with command.progress() as tell:
        for done in (0.01, 0.02, 0.5, 1.0, 0.1):
            tell(done, "work")
    assert capsys.readouterr().err.splitlines() == ["  1% work", " 50% work", "100% work", " 10% work"]


def test_too_little_history_for_the_lstm_leaves_it_out(folder: Path, tmp_path: Path) -> None:
    start = date.fromisoformat(str(nyse().date[FIRST + 900]))
    result, _ = run.run(folder, start, Effort(seeds=1, epochs=1), cache=tmp_path)
    assert np.isnan(result["lstm"]["63"]["skill_vs_rw"])
    assert result["pool"]["63"]["skill_vs_rw"] == result["pool_without_lstm"]["63"]["skill_vs_rw"]
