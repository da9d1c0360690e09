"""A state folder belongs to one log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from launcher import plan, state_owner
from producers.errors import FixAndRestart
from producers.settings import load_settings
from tests.system import system


def decided(broker: str, servers: str = "") -> plan.Plan:
    made = plan.make(plan.Options(), load_settings(), {})
    made.settings.state_dir.mkdir(parents=True, exist_ok=True)
    settings = made.settings.model_copy(update={"kafka_bootstrap_servers": servers})
    return replace(made, broker=broker, settings=settings)  # type: ignore[arg-type]


def test_features_of_a_lasting_log_are_not_mixed_with_anothers() -> None:
    apache = decided("apache")
    state_owner.claim(apache)
    offline = apache.settings.state_dir / "offline"
    offline.mkdir()
    state_owner.claim(apache)
    for other in (decided("embedded"), decided("external", "there:9092")):
        with pytest.raises(FixAndRestart, match="--state-dir"):
            state_owner.claim(other)
    assert offline.exists()


def test_what_an_embedded_broker_left_is_removed_for_a_lasting_one() -> None:
    embedded = decided("embedded")
    state_owner.claim(embedded)
    offline = embedded.settings.state_dir / "offline"
    offline.mkdir()
    state_owner.claim(decided("external", "here:9092"))
    assert not offline.exists()
    with pytest.raises(FixAndRestart, match="here:9092"):
        state_owner.claim(decided("external", "there:9092"))


def test_a_bad_csv_ends_up_with_exit_code_2_and_one_sentence(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "gold.csv").write_text("date,close\n2019-01-02,1284.1\n2019-01-03,-5\n")
    with system(tmp_path / "state", "--feed", "csv", "--data", str(data)) as running:
        assert running.process.wait(60) == 2, running.log.read_text()
    said = running.log.read_text()
    assert "gold.csv:3: close must be > 0 and at most 1e+15, got '-5'" in said
    assert "Traceback" not in said
