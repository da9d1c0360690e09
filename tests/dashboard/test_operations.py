"""What an operator does on the page, down to the files and the log."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard import operations
from launcher.create_topics import ensure_topics
from producers import topics
from producers.errors import FixAndRestart, TryAgain
from producers.kafka_client import client_config
from producers.settings import Settings
from tests.system import messages
from tests.training.worlds import dataset
from training import artefact, fitting, serving
from training.artefact import CHAMPION, PREVIOUS

OLD, NEW = "20200101-old", "20200102-new"


@pytest.fixture
def settings(embedded_broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The newer of two models serves, on probation beside the older."""
    found = Settings(state_dir=tmp_path, kafka_bootstrap_servers=embedded_broker)
    monkeypatch.setenv("ALLOCAST_STATE_DIR", str(tmp_path))
    ensure_topics(found)
    data = dataset(1_200)
    fitted = fitting.fit_first(data)
    for version in (OLD, NEW):
        staged = artefact.stage(found.models_dir, version)
        origin = {"request": f"key of {version}"}
        fitting.save(found.models_dir, staged, fitted, data, "drift", "", 0, origin)
    artefact.point(found.models_dir, PREVIOUS, OLD)
    artefact.promote(found.models_dir, NEW)
    return found


def test_rolling_back_moves_the_links_and_tells_the_log(settings: Settings) -> None:
    before = len(messages(settings, topics.MODEL_EVENTS))
    assert OLD in operations.roll_back(settings, client_config(settings), OLD)
    (told,) = messages(settings, topics.MODEL_EVENTS)[before:]
    assert (told["kind"], told["version"], told["replaced"]) == ("rolled_back", OLD, NEW)
    assert told["final"]  # the policy hears of final ones only
    assert artefact.champion_version(settings.models_dir) == OLD
    assert artefact.pointed(settings.models_dir, PREVIOUS) is None
    with pytest.raises(FixAndRestart, match="is the model in use"):
        operations.roll_back(settings, client_config(settings), OLD)


def test_a_damaged_model_is_refused_before_anything_moves(settings: Settings) -> None:
    (settings.models_dir / OLD / artefact.ARRAYS).write_bytes(b"cut short")
    with pytest.raises(FixAndRestart, match="altered or cut short"):
        operations.roll_back(settings, client_config(settings), OLD)
    with pytest.raises(FixAndRestart, match="there is no model"):
        operations.roll_back(settings, client_config(settings), "../" + OLD)
    assert artefact.pointed(settings.models_dir, CHAMPION) == NEW
    assert serving.pending(settings.models_dir) is None


def test_without_a_broker_the_model_answers_and_the_log_is_told_later(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise TryAgain("the broker does not answer")

    monkeypatch.setattr(serving, "send_one", away)
    assert "told when the broker is back" in operations.roll_back(settings, client_config(settings), OLD)
    left = serving.pending(settings.models_dir)
    assert left is not None
    assert left.said.version == OLD
    assert artefact.champion_version(settings.models_dir) == OLD
