"""One training: who is replaced without a trial, and that it does not outlive its service."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.training.worlds import dataset
from training import artefact, fitting
from training.artefact import CHALLENGER, CHAMPION
from training.events import ModelEvent
from training.promotion import _give_up_challenger, needs_shadow

OLD, NEW, FIRST = "20200101-old", "20200102-new", "20191231-first"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A champion, a model trained beside it, and the provisional one from before."""
    folder = tmp_path_factory.mktemp("models")
    data = dataset(1_200)
    fitted = fitting.fit_first(data)
    for version, provisional in ((FIRST, True), (OLD, False), (NEW, False)):
        staged = artefact.stage(folder, version)
        origin = {"request": f"key of {version}", "replaces": OLD, "provisional": provisional}
        fitting.save(folder, staged, fitted, data, "drift", "", 0, origin)
    return folder


@pytest.fixture
def models(made: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    shutil.copytree(made, folder, symlinks=True)
    artefact.promote(folder, OLD)
    return folder


@pytest.mark.parametrize(
    ("reason", "serving", "asked"),
    [
        ("drift", OLD, True),
        ("history", OLD, True),  # a new start brings new data, not a better model
        ("manual", OLD, True),
        ("storm", OLD, False),
        ("drift", FIRST, False),
        ("history", FIRST, False),
        ("drift", NEW, False),  # killed after its promotion
        ("drift", None, False),
    ],
)
def test_whoever_serves_now_is_replaced_only_after_a_trial(
    models: Path, reason: str, serving: str | None, asked: bool
) -> None:
    artefact.point(models, CHAMPION, serving)
    assert needs_shadow(models, artefact.manifest_of(models / NEW), reason) == asked


def test_a_model_that_was_put_in_its_place_meanwhile_is_not_passed_over(models: Path) -> None:
    manifest = msgspec.structs.replace(artefact.manifest_of(models / NEW), replaces=FIRST)
    assert needs_shadow(models, manifest, "drift")


def test_a_champion_from_the_future_of_a_log_that_began_again_is_not_asked(models: Path) -> None:
    earlier = msgspec.structs.replace(artefact.manifest_of(models / NEW), as_of_session="2000-01-03")
    assert not needs_shadow(models, earlier, "history")
    assert needs_shadow(models, earlier, "drift")


def test_nobody_is_asked_for_a_damaged_champion_or_one_of_another_feed(models: Path) -> None:
    new = artefact.manifest_of(models / NEW)
    assert not needs_shadow(models, msgspec.structs.replace(new, feed="another"), "drift")
    (models / OLD / "arrays.npz").write_bytes(b"cut short")
    assert not needs_shadow(models, new, "drift")


def test_the_later_of_two_challengers_takes_the_place_of_the_earlier(models: Path) -> None:
    told: list[ModelEvent] = []
    artefact.point(models, CHALLENGER, OLD)
    _give_up_challenger(models, NEW, told.append)
    assert [(one.kind, one.version, one.final) for one in told] == [("rejected", OLD, True)]
    assert told[0].idempotency_key == f"key of {OLD}"
    artefact.point(models, CHALLENGER, NEW)
    _give_up_challenger(models, NEW, told.append)
    assert len(told) == 1


def test_a_training_ends_with_the_service_that_began_it() -> None:
    code = (
        "import threading, time\nfrom training.job import _end_with_the_service\n"
        "threading.Thread(target=_end_with_the_service).start()\ntime.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(60) == 1
