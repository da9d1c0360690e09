"""Shadow and probation: who is promoted, who is rolled back, and that the log alone says so again."""

from __future__ import annotations

import math
import os
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy.stats import norm

from producers.sessions import nyse, session_number
from producers.settings import Settings
from producers.universe import load_universe
from tests.training.worlds import dataset
from training import artefact, fitting, serving, trials
from training.artefact import CHALLENGER, CHAMPION, PREVIOUS
from training.champion import ChampionWatcher
from training.dataset import Dataset
from training.duel import EVIDENCE, Duel, Standing
from training.forecast_log import Forecast
from training.horizons import LEVELS
from training.trials import Trials, Verdict

SYMBOLS = ("GC=F", "^IXIC")
Z = norm.ppf(LEVELS)


MADE_MS = int(time.time() * 1000) - 1_000_000  # when the first forecasts were made
FIRST = session_number(20200102)


def date_of(session: int) -> int:
    return int(nyse().yyyymmdd[FIRST + session])


def began(settings: Settings, at_ms: int) -> None:
    """Let the challenger's shadow have begun then."""
    link = settings.models_dir / CHALLENGER
    os.utime(link, ns=(at_ms * 10**6, at_ms * 10**6), follow_symlinks=False)


def carry_out(settings: Settings, verdict: Verdict) -> None:
    """As the service does, without the registry and the log."""
    serving.begin(settings.models_dir, trials.move(verdict)).wait()
    serving.end(settings.models_dir)


def logged(
    sessions: int, scales: dict[str, float], seed: int = 0, holes: dict[str, int] | None = None
) -> list[Forecast]:
    """A market at 1 % a session, and models that each say so many times that. holes : sessions before which
    a model said nothing.
    """
    rng = np.random.default_rng(seed)
    found = []
    price = dict.fromkeys(SYMBOLS, 100.0)
    for session in range(sessions):
        for symbol in SYMBOLS:
            price[symbol] *= math.exp(0.01 * rng.standard_normal())
            found += [
                Forecast(
                    symbol=symbol,
                    session_date=date_of(session),
                    session_close_ms=0,
                    price=price[symbol],
                    model=model,
                    data_hash="",
                    spec_hash="",
                    made_ms=MADE_MS + session,
                    horizons=[1],
                    levels=LEVELS.tolist(),
                    quantiles=[(0.01 * scale * Z).tolist()],
                )
                for model, scale in scales.items()
                if session >= (holes or {}).get(model, 0)
            ]
    return found


def standing(records: list[Forecast]) -> Standing:
    duel = Duel("new", "old")
    for record in records:
        duel.add(record)
    return duel.standing()


def test_a_model_as_good_passes_and_a_wrong_one_does_not() -> None:
    passed = [not standing(logged(12, {"old": 1.0, "new": 1.05}, seed)).worse for seed in range(40)]
    assert np.mean(passed) >= 0.85
    for scale in (0.25, 4.0):
        found = [standing(logged(12, {"old": 1.0, "new": scale}, seed)).worse for seed in range(40)]
        assert all(found)
    found = standing(logged(12, {"old": 2.0, "new": 1.0}))
    assert (found.sessions, found.holes) == (10, 0)
    assert found.mean < 0 < found.crps_new < found.crps_old


def test_evidence_against_a_model_as_good_is_rare_and_against_a_bad_one_certain() -> None:
    # Ville: P(ever above 20) <= 1 / 20 when the new one is no worse.
    false = 0
    for seed in range(60):
        duel = Duel("new", "old")
        worst = 0.0
        for record in logged(80, {"old": 1.3, "new": 1.0}, seed):
            duel.add(record)
            worst = max(worst, duel.standing().evidence)
        false += worst >= EVIDENCE
    assert false <= 3
    assert all(standing(logged(80, {"old": 1.0, "new": 2.5}, seed)).hopeless for seed in range(20))


def test_only_sessions_of_both_count_and_the_same_forecast_is_no_difference() -> None:
    found = standing(logged(12, {"old": 1.0, "new": 1.0}, holes={"new": 5}))
    assert (found.sessions, found.holes) == (5, 5 + 0)
    assert (found.mean, found.t, found.evidence) == (0.0, 0.0, 1.0)
    assert standing(logged(12, {"old": 1.0})).worse  # a challenger that never spoke
    assert standing([]).sessions == 0
    twice = [one for one in logged(12, {"old": 1.0, "new": 1.5}) for _ in range(2)]  # delivered again
    assert standing(twice) == standing(logged(12, {"old": 1.0, "new": 1.5}))


def test_the_price_after_sessions_that_nobody_forecast_is_no_outcome() -> None:
    # The right model beside one three times too wide: what moved over three weeks would speak for the wide one.
    gaps = [one for one in logged(300, {"old": 3.0, "new": 1.0}) if (one.made_ms - MADE_MS) % 15 < 2]
    found = standing(gaps)
    assert found.sessions == 20 - 1  # one of each pair has an outcome, and the newest is not yet complete
    assert found.mean < 0
    assert not found.worse


def test_what_the_old_one_said_before_the_new_one_existed_is_no_hole() -> None:
    records = logged(40, {"old": 1.0, "new": 1.0}, holes={"new": 30})
    duel = Duel("new", "old", since_ms=MADE_MS + 30)
    for record in records:
        duel.add(record)
    assert (duel.standing().sessions, duel.standing().holes) == (8, 0)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset(1_200)


@pytest.fixture
def settings(tmp_path: Path, data: Dataset) -> Settings:
    """Champion `20200101-old` and challenger `20200102-new`."""
    found = Settings(state_dir=tmp_path)
    for version in ("20200101-old", "20200102-new"):
        staged = artefact.stage(found.models_dir, version)
        origin: dict[str, Any] = {"request": f"key of {version}", "replaces": "20200101-old"}
        fitting.save(found.models_dir, staged, fitting.fit_first(data), data, "drift", "", 0, origin)
    artefact.promote(found.models_dir, "20200101-old")
    artefact.point(found.models_dir, CHALLENGER, "20200102-new")
    began(found, MADE_MS)
    return found


def renamed(records: list[Forecast]) -> list[Forecast]:
    names = {"old": "20200101-old", "new": "20200102-new"}
    return [msgspec.structs.replace(one, model=names[one.model]) for one in records]


def aliases(settings: Settings) -> dict[str, str | None]:
    return {alias: artefact.pointed(settings.models_dir, alias) for alias in (CHAMPION, CHALLENGER, PREVIOUS)}


GOOD = {"old": 1.6, "new": 1.0}
BAD = {"old": 1.0, "new": 3.0}


def test_a_shadow_ends_with_a_promotion_and_a_bad_champion_is_rolled_back(settings: Settings) -> None:
    shadow = Trials(settings)
    assert list(shadow.beside()) == [CHALLENGER]
    assert shadow.shadowed("key of 20200102-new") == "20200102-new"
    assert shadow.shadowed("another") is None
    records = renamed(logged(12, GOOD))
    for number, record in enumerate(records):
        assert (shadow.verdict() is None) == (
            number <= 44
        )  # ten sessions are complete when an eleventh begins
        shadow.add(record)
    verdict = shadow.verdict()
    assert verdict is not None
    assert verdict.outcome == "promoted"
    carry_out(settings, verdict)
    assert aliases(settings) == {CHAMPION: "20200102-new", CHALLENGER: None, PREVIOUS: "20200101-old"}

    after = Trials(settings)
    after.remember(records)
    assert list(after.beside()) == [PREVIOUS]
    assert after.verdict() is None
    worse = Trials(settings)
    worse.remember(renamed(logged(60, BAD)))
    verdict = worse.verdict()
    assert verdict is not None
    assert (verdict.outcome, verdict.model.version) == ("rolled_back", "20200102-new")
    said = trials.move(verdict).said
    assert (said.kind, said.version, said.replaced) == ("rolled_back", "20200101-old", "20200102-new")
    carry_out(settings, verdict)
    assert aliases(settings) == {CHAMPION: "20200101-old", CHALLENGER: None, PREVIOUS: None}


def test_a_challenger_that_is_worse_late_or_altered_is_rejected(settings: Settings) -> None:
    worse = Trials(settings)
    worse.remember(renamed(logged(12, BAD)))
    verdict = worse.verdict()
    assert verdict is not None
    assert verdict.outcome == "rejected"
    late = Trials(settings.model_copy(update={"shadow_days": 0.01}))  # also for one that was just started
    late.remember(renamed(logged(5, GOOD)))
    verdict = late.verdict()
    assert verdict is not None
    assert (verdict.outcome, verdict.detail) == ("rejected", "only 3 of 10 sessions came in time")
    (settings.models_dir / "20200102-new" / "arrays.npz").write_bytes(b"x")
    verdict = Trials(settings).verdict()
    assert verdict is not None
    assert "altered" in verdict.detail
    carry_out(settings, verdict)
    assert aliases(settings) == {CHAMPION: "20200101-old", CHALLENGER: None, PREVIOUS: None}


def test_a_champion_that_proved_itself_is_no_longer_watched(settings: Settings) -> None:
    artefact.point(settings.models_dir, PREVIOUS, "20200101-old")
    artefact.promote(settings.models_dir, "20200102-new")
    artefact.point(settings.models_dir, CHALLENGER, None)
    watch = Trials(settings)
    watch.remember(renamed(logged(80, GOOD)))
    assert watch.verdict() is None
    assert aliases(settings)[PREVIOUS] is None


def test_old_versions_are_deleted_but_for_three_and_those_in_use(settings: Settings, data: Dataset) -> None:
    models = settings.models_dir
    for number in range(3, 7):
        staged = artefact.stage(models, f"2020010{number}-x")
        fitting.save(models, staged, fitting.fit_first(data), data, "drift", "", 0)
    artefact.clean(models)
    left = sorted(one.name for one in models.glob("[0-9]*"))
    assert left == ["20200101-old", "20200102-new", "20200104-x", "20200105-x", "20200106-x"]
    found = artefact.answering(models, "key of 20200102-new")
    assert found is not None
    assert found.version == "20200102-new"
    (models / "20200102-new" / "arrays.npz").write_bytes(b"x")
    assert artefact.answering(models, "key of 20200102-new") is None


def test_a_promotion_is_picked_up_at_once_and_no_request_goes_without_a_model(settings: Settings) -> None:
    watcher = ChampionWatcher(settings.models_dir, load_universe())
    versions = ("20200101-old", "20200102-new")
    done = threading.Event()

    def flip() -> None:
        for number in range(300):
            artefact.promote(settings.models_dir, versions[number % 2])
        done.set()

    flipping = threading.Thread(target=flip)
    assert watcher.current() is not None
    flipping.start()
    while not done.is_set():
        champion = watcher.current()
        assert champion is not None
        assert champion.version in versions
    flipping.join()
    champion = watcher.current()
    assert champion is not None
    assert champion.version == versions[1]
    assert watcher.problem is None


def test_sessions_before_the_shadow_are_no_holes_in_it(settings: Settings) -> None:
    began(settings, MADE_MS + 500_000)
    shadow = Trials(settings)
    for record in renamed(logged(12, GOOD)):
        if record.model == "20200101-old":
            shadow.add(msgspec.structs.replace(record, made_ms=MADE_MS + 499_999))
    assert shadow.verdict() is None


@pytest.mark.parametrize("role", [CHALLENGER, CHAMPION])
def test_a_model_whose_manifest_is_cut_short_ends_no_service(settings: Settings, role: str) -> None:
    version = aliases(settings)[role]
    assert version is not None
    (settings.models_dir / version / artefact.MANIFEST).write_bytes(b"")
    if role == CHAMPION:  # on probation
        artefact.point(settings.models_dir, CHALLENGER, None)
        artefact.point(settings.models_dir, PREVIOUS, "20200102-new")
    after = Trials(settings)
    assert after.verdict() is None
    assert aliases(settings)[CHALLENGER] is None
