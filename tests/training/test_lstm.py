"""The LSTM member: starts as the climatology, is served as it was trained, is gated and recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.worlds import dataset
from training import artefact, climatology, fitting, lstm
from training.adjustment import Adjustment, move
from training.champion import Champion
from training.dataset import Dataset
from training.horizons import HORIZONS

TINY = lstm.Effort(seeds=2, max_epochs=1, patience=1, stride=8)

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


def test_the_untrained_network_is_the_climatology(data: Dataset) -> None:
    import keras

    network = lstm._network(keras, "fresh")
    panel = data.panels[0]
    out = network.predict([panel.window[:5], panel.statics[:5]], verbose=0)
    assert np.array_equal(out, np.zeros_like(out))
    q = climatology.fit(data.panels, data.last_session)[:1]
    assert np.array_equal(move(q, out[:1].reshape(1, len(HORIZONS), 2)), q)


def test_onnx_equals_keras_and_is_bounded(fitted: Any, data: Dataset) -> None:
    result, models, _ = fitted
    panel = data.panels[0]
    keras_out = result.model.predict([panel.window[:200], panel.statics[:200]], verbose=0)
    onnx_out = Adjustment(models / "v1" / "model.onnx")(panel.window[:200], panel.statics[:200])
    assert onnx_out.reshape(200, -1) == pytest.approx(keras_out, abs=1e-5)
    assert np.abs(onnx_out[..., 0]).max() <= lstm.MAX_SCALE
    assert np.abs(onnx_out[..., 1]).max() <= lstm.MAX_SHIFT


def test_training_says_how_far_it_is_and_the_gate_says_why(fitted: Any) -> None:
    result, _, told = fitted
    assert told == sorted(told)
    assert told[-1] == 0.9
    assert result.accepted == (result.report["ratio"] <= 1 + fitting.TOLERANCE)
    assert "held-out sessions" in result.reason
    for weight in zip(*result.arrays.weights.values(), strict=True):
        assert sum(weight) == pytest.approx(1)
        assert min(weight) >= 0.25  # shrunk half-way to equal


def test_the_served_pool_has_increasing_quantiles(fitted: Any) -> None:
    from tests.stubs import row

    _, models, _ = fitted
    champion = Champion(models / "v1")
    assert champion.has_lstm
    quantiles = champion.quantiles([row("GC=F"), row("^IXIC")])
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    assert set(champion.members) == {"climatology", "lstm"}


def test_samples_are_purged_by_target_end(data: Dataset) -> None:
    q = climatology.fit(data.panels, data.last_session)
    start, stop = data.last_session - 400, data.last_session - 200
    rows = lstm.samples(data, q, start, stop, 1)
    last = rows.weight.reshape(len(data.panels), -1, len(HORIZONS))[0]
    for column, horizon in enumerate(HORIZONS):
        assert (last[:, column] > 0).sum() == 200 - horizon + 1


def test_training_is_deterministic(data: Dataset, tmp_path: Path) -> None:
    outputs = []
    for name in ("a", "b"):
        q = climatology.fit(data.panels, data.last_session - 700)
        last = data.last_session
        model = lstm.train(data, q, (last - 700, last - 300), TINY, 3, lambda *_: None)
        panel = data.panels[0]
        outputs.append(model.predict([panel.window[:20], panel.statics[:20]], verbose=0))
        (tmp_path / name).mkdir()
    assert np.array_equal(*outputs)


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
