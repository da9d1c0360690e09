"""The LSTM member: starts as its anchor, is served as it was trained, is gated and recorded."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from producers.errors import FixAndRestart
from tests.stubs import row
from tests.training.worlds import dataset
from training import artefact, fitting, gate, lstm, members, pool
from training.adjusted import Adjusted
from training.adjustment import Adjustment
from training.champion import Champion
from training.dataset import Dataset
from training.horizons import HORIZONS
from training.lstm_samples import MEMORY_YEARS, samples

TINY = lstm.Effort(seeds=2, epochs=1, stride=8)

# tensorflow, keras and tf2onnx warn about their own use of numpy 2 and protobuf.
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset(2_000)


@pytest.fixture(scope="module")
def fitted(
    data: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[fitting.Fitted, Path, list[float]]:
    told: list[float] = []
    models = tmp_path_factory.mktemp("models")
    staged = artefact.stage(models, "v1")
    result = fitting.fit_pool(data, TINY, lambda done, _: told.append(done), staged)
    fitting.save(models, staged, result, data, "history", "", 0)
    return result, models, told


def test_the_untrained_network_is_its_anchor(data: Dataset) -> None:
    import keras

    network = lstm.KerasNetwork(lstm._network(keras, "fresh"))
    inputs = data.panels[0].inputs[:5]
    anchor = list(members.fit(data.panels).values())
    assert np.array_equal(network(inputs.window, inputs.statics), np.zeros((5, len(HORIZONS))))
    plain = members.average(anchor, 0, inputs)
    assert Adjusted(anchor, network).quantiles(0, inputs) == pytest.approx(plain, abs=1e-15)


def test_onnx_equals_keras_and_is_bounded(fitted: Any, data: Dataset) -> None:
    result, models, _ = fitted
    inputs = data.panels[0].inputs[:200]
    keras_out = lstm.KerasNetwork(result.model)(inputs.window, inputs.statics)
    onnx_out = Adjustment(models / "v1" / "model.onnx")(inputs.window, inputs.statics)
    assert onnx_out == pytest.approx(keras_out, abs=1e-5)
    assert np.abs(onnx_out).max() > 1e-4  # it did learn something
    assert np.abs(onnx_out).max() <= lstm.MAX_SCALE


def test_training_says_how_far_it_is_and_the_gate_says_why(fitted: Any) -> None:
    result, _, told = fitted
    assert told == pytest.approx(sorted(told))
    assert told[-1] == pytest.approx(0.95)
    assert result.accepted == (not result.report["wrong"]) == gate.replay(result.report)
    assert set(result.report["against"]) == {"random_walk"}
    assert "held-out sessions" in result.reason
    assert set(result.report["crps"]) == {
        "climatology",
        "garch_fhs",
        "har",
        "lstm",
        "pool",
        "pool_without_lstm",
        "random_walk",
    }
    weights = np.stack(list(result.arrays.weights.values()))
    assert weights.sum(axis=0) == pytest.approx(1)
    assert weights.min() >= pool.EQUAL / len(weights)


def test_a_rejected_training_is_recorded_without_its_network(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.registry import Registry

    monkeypatch.setattr(gate, "TOLERANCE", -1.0)
    staged = artefact.stage(tmp_path, "v1")
    effort = lstm.Effort(seeds=1, epochs=1, stride=20)
    result = fitting.fit_pool(data, effort, lambda *_: None, staged)
    assert not result.accepted
    manifest = fitting.save(tmp_path, staged, result, data, "history", "", 0)
    champion = Champion(tmp_path / "v1")
    assert not champion.has_lstm
    assert champion.without_lstm(row("GC=F")) is None
    Registry(tmp_path / "state").record(manifest, tmp_path / "v1", None)
    assert Registry(tmp_path / "state").versions()[0]["aliases"] == []


def test_the_manifest_says_what_the_weights_rest_on(fitted: Any) -> None:
    _, models, _ = fitted
    manifest, arrays = artefact.load(models / "v1")
    for position, symbol in enumerate(manifest.symbols):
        found = manifest.earned[symbol]
        assert found.weights["lstm"] == pytest.approx(arrays.weights["lstm"][position].tolist())
        assert found.matured[0] > found.matured[-1] > 0
        assert all(value is not None for value in found.skill["lstm"])


def test_the_served_pool_has_increasing_quantiles(fitted: Any) -> None:
    _, models, _ = fitted
    champion = Champion(models / "v1")
    assert champion.has_lstm
    quantiles = champion.quantiles([row("GC=F"), row("^IXIC")])
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    assert set(champion.members) == {"climatology", "garch_fhs", "har", "lstm"}
    without = champion.without_lstm(row("GC=F"))
    assert without is not None
    assert without.shape == quantiles[0].shape
    assert (np.diff(without, axis=-1) >= 0).all()
    assert 0 < np.abs(without - quantiles[0]).max() < 0.1


def test_samples_hold_what_was_known_and_count_assets_by_the_root_of_their_rows(data: Dataset) -> None:
    cut = data.last_session - 200
    past = [panel.known_at(cut) for panel in data.panels]
    rows = samples(past, list(members.fit(past).values()), 3)
    assert rows.session.max() == cut
    for column, horizon in enumerate(HORIZONS):
        assert rows.session[rows.weight[:, column] > 0].max() <= cut - horizon
    short = [past[0].between(cut - 399, cut), past[1]]
    rows = samples(short, list(members.fit(past).values()), 1)
    first = rows.weight[:400, 0]
    assert rows.weight[400:, 0].max() / first.max() == pytest.approx((400 / len(past[1].session)) ** 0.5)
    old, new = rows.weight[400:][[-1_002, -2], 0]
    assert old / new == pytest.approx(0.5 ** (1_000 / 252 / MEMORY_YEARS), rel=1e-3)


def test_training_is_deterministic(data: Dataset) -> None:
    past = [panel.known_at(data.last_session - 700) for panel in data.panels]
    rows = samples(past, list(members.fit(past).values()), 8)
    inputs = data.panels[0].inputs[:20]
    one, other = (
        lstm.KerasNetwork(lstm.train(rows, TINY, 3, lambda *_: None))(inputs.window, inputs.statics)
        for _ in range(2)
    )
    assert np.array_equal(one, other)


def test_the_registry_records_versions_and_moves_the_alias(fitted: Any, tmp_path: Path) -> None:
    from training.registry import Registry

    _, models, _ = fitted
    manifest, _ = artefact.load(models / "v1")
    registry = Registry(tmp_path / "state")
    assert registry.versions() == []
    assert registry.record(manifest, models / "v1", "champion") == "1"
    assert registry.record(manifest, models / "v1", "champion") == "1"
    (version,) = registry.versions()
    assert version["aliases"] == ["champion"]
    assert version["data_hash"] == manifest.data_hash
    assert version["version"] == "v1"
    (tmp_path / "older").mkdir()
    older = shutil.copy(tmp_path / "state" / "mlflow.db", tmp_path / "older")
    with closing(sqlite3.connect(older)) as database, database:
        database.execute("update alembic_version set version_num = 'of-another-mlflow'")
    with pytest.raises(FixAndRestart, match=f"mlflow db upgrade sqlite:///{older}"):
        Registry(tmp_path / "older")
