"""The table of benchmarks, the command around it and the file of results."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from benchmarks import command
from benchmarks.catalogue import BENCHMARKS, module_of
from benchmarks.report import section, write

RESULT = {
    "benchmark": "serve",
    "command": "allocast bench serve",
    "machine": {"cpu": "a", "cores": 2, "memory_gib": 4.0, "python": "3.11"},
    "p50_ms": 1.0,
    "cases": [
        {"case": "few", "symbols": 5, "p50_ms": 1.0, "p50_ms_range": [0.5, 2.0], "runs": 3},
        {"case": "many", "symbols": 50, "p50_ms": None, "p99_ms": 4.0},
    ],
}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_has_options_with_defaults(name: str) -> None:
    parser = argparse.ArgumentParser()
    module_of(name).add_options(parser)
    assert vars(parser.parse_args([]))
    assert callable(module_of(name).run)


def test_a_benchmark_that_does_not_exist_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["speed"])
    assert ended.value.code == 2
    assert "stream" in capsys.readouterr().err


def test_the_kernel_benchmark_prints_one_json_object_and_keeps_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    arguments = ["kernel", "--json", "--save", "--symbols", "5,20", "--ticks", "2000", "--repeat", "2"]
    assert command.main(arguments) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [case["symbols"] for case in printed["cases"]] == [5, 20]
    assert all(3000 < case["ticks"] <= 4000 for case in printed["cases"])
    kept = json.loads((tmp_path / "kernel.json").read_text())
    assert kept.pop("command") == "allocast bench " + " ".join(arguments)
    assert kept == printed


def test_a_section_shows_each_case_with_its_range_and_not_the_headline_twice() -> None:
    shown = section(RESULT)
    assert "    allocast bench serve\n" in shown
    assert "| | few | many |" in shown
    assert "| symbols | 5 | 50 |" in shown
    assert "| p50_ms | 1 (0.5 to 2) |  |" in shown
    assert "| p99_ms |  | 4 |" in shown


def test_results_are_in_the_order_of_the_table(tmp_path: Path) -> None:
    for name in ("soak", "serve", "kernel"):
        (tmp_path / f"{name}.json").write_text(json.dumps(RESULT | {"benchmark": name}))
    write(tmp_path, tmp_path / "RESULTS.md")
    text = (tmp_path / "RESULTS.md").read_text()
    assert text.index("## serve") < text.index("## kernel") < text.index("## soak")
