"""Serving a model: online features and the model directory give quantiles and scenarios.

Never imports tensorflow, mlflow or feast.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from feature_repo.features import spec_hash
from feature_repo.online import FeatureRow
from producers.errors import FixAndRestart
from producers.universe import Universe
from training import artefact, recalibration, short_rate
from training.adjusted import Adjusted
from training.adjustment import Adjustment
from training.artefact import Arrays, Manifest
from training.earned import Earned
from training.garch import GarchFhs
from training.horizons import FAN, HORIZONS, FloatArray
from training.inputs import Inputs, inputs_of
from training.joint import returns, uniforms
from training.member import Forecaster
from training.members import LSTM, restore
from training.pool import combine

log = logging.getLogger("training")

BEHIND = timedelta(days=7)  # how far an asset's quotes may lag behind the model's data
FAN_COLUMNS = [HORIZONS.index(horizon) for horizon in FAN]


@dataclass(frozen=True)
class Scenarios:
    """Joint changes from now. log_return : (scenarios, len(FAN), symbols); inflation : (scenarios, len(FAN)), log;
    rate : (scenarios, len(FAN)), change of the short rate / 100, None without a rate to start from.
    """

    symbols: list[str]
    log_return: FloatArray
    inflation: FloatArray
    rate: FloatArray | None


class Champion:
    """One model directory, loaded and verified. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        """Raises FixAndRestart when the directory is not intact or was made for other features."""
        manifest, arrays = artefact.load(folder)
        if manifest.spec_hash != spec_hash():
            raise FixAndRestart(
                f"{folder}: trained on feature spec {manifest.spec_hash}, this is {spec_hash()}: "
                "train again with `allocast train`"
            )
        self.manifest: Manifest = manifest
        self._arrays: Arrays = arrays
        self._members: dict[str, Forecaster] = {
            name: restore(name, state) for name, state in arrays.members.items()
        }
        if self.has_lstm:
            self._members[LSTM] = Adjusted(list(self._members.values()), Adjustment(folder / "model.onnx"))
        self._uniforms = uniforms(arrays.template, len(manifest.symbols) + 2)
        self._position = {symbol: position for position, symbol in enumerate(manifest.symbols)}
        self._cached: tuple[tuple[tuple[str, int, float | None], ...], Scenarios] | None = None
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        return self.manifest.version

    @property
    def created_ms(self) -> int:
        return self.manifest.created_ms

    @property
    def reason(self) -> str:
        return self.manifest.reason

    @property
    def has_lstm(self) -> bool:
        return "lstm" in self.manifest.members

    @property
    def members(self) -> dict[str, float]:
        """Pool weights at the longest horizon."""
        return self.weights_at(HORIZONS[-1])

    def weights_at(self, horizon: int) -> dict[str, float]:
        """Pool weights (fractions, sum 1) at one horizon, averaged over the assets that have any; see `earned`."""
        column = HORIZONS.index(horizon)
        total = {name: float(self._arrays.weights[name][:, column].sum()) for name in self.manifest.members}
        covered = sum(total.values())  # one per asset that somebody can forecast
        return {name: value / covered if covered else 0.0 for name, value in total.items()}

    def earned(self, symbol: str) -> Earned | None:
        """Weights, live skill and matured labels behind an asset's forecasts; None when it is not covered."""
        return self.manifest.earned.get(symbol)

    def garch(self, symbol: str) -> list[float] | None:
        """Mean, alpha and beta of the process fitted to an asset; None without one."""
        state = self._arrays.members.get(GarchFhs.name)
        if state is None or symbol not in self._position:
            return None
        mean, _, alpha, beta = state["parameters"][self._position[symbol]]
        return [float(mean), float(alpha), float(beta)] if np.isfinite(mean + alpha + beta) else None

    def refuses(self, row: FeatureRow) -> str | None:
        """Why this model cannot forecast the asset of a row; None when it can."""
        if row.spec_hash != self.manifest.spec_hash:
            return (
                f"its newest features are of spec {row.spec_hash}, the model's of {self.manifest.spec_hash}; wait until "
                "the stream worker has written newer ones"
            )
        if row.feed != self.manifest.feed:
            return f"prices come from feed {row.feed}, the model was trained on feed {self.manifest.feed}"
        day = datetime.strptime(str(row.session_date), "%Y%m%d").date()
        if date.fromisoformat(self.manifest.as_of_session) - day > BEHIND:
            # A replay was started again (the model has seen what it would forecast), or the quotes ended.
            return f"the newest price is of {day}, the model knows data up to {self.manifest.as_of_session}"
        if not row.is_warm or row.window is None or row.symbol not in self._position:
            return f"too little history to forecast it ({row.n_sessions} sessions)"
        if not any(value[self._position[row.symbol]].any() for value in self._arrays.weights.values()):
            return "no member of the pool can forecast it (its price does not move, or jumped out of all proportion)"
        return None

    def quantiles(self, rows: list[FeatureRow]) -> FloatArray:
        """Quantiles of log returns, shape (len(rows), H, L). None of the rows may be refused."""
        return np.concatenate([self._of_one(row) for row in rows])

    def _of_one(self, row: FeatureRow) -> FloatArray:
        inputs = inputs_of({name: [value] for name, value in row.values.items()}, [row.window])
        return self.pooled(row.symbol, inputs)

    def pooled(self, symbol: str, inputs: Inputs) -> FloatArray:
        """Quantiles of log returns of a covered asset, shape (n, H, L)."""
        position = self._position[symbol]
        pooled = combine(
            {name: member.quantiles(position, inputs) for name, member in self._members.items()},
            {name: weight[position] for name, weight in self._arrays.weights.items()},
        )
        return recalibration.apply(pooled, self._arrays.levels)

    def without_lstm(self, row: FeatureRow) -> FloatArray | None:
        """Quantiles of the pool's other members with their weights, shape (H, L); None where the LSTM has no part."""
        position = self._position[row.symbol]
        weight = {name: one[position] for name, one in self._arrays.weights.items()}
        others = {name: one for name, one in weight.items() if name != LSTM}
        total = np.sum(list(others.values()), axis=0)
        if LSTM not in weight or not weight[LSTM].any() or not (total > 0).all():
            return None
        inputs = inputs_of({name: [value] for name, value in row.values.items()}, [row.window])
        pooled = combine(
            {name: self._members[name].quantiles(position, inputs) for name in others},
            {name: one / total for name, one in others.items()},
        )
        result: FloatArray = recalibration.apply(pooled, self._arrays.levels)[0]
        return result

    def _rate(self, row: FeatureRow | None) -> FloatArray:
        """Quantiles of the short rate's change, shape (len(FAN), L); zeros without a row."""
        if row is None:
            return np.zeros_like(self._arrays.rate)
        now = inputs_of({name: [value] for name, value in row.values.items()}, [row.window])
        return short_rate.quantiles(self._arrays.rate, now)

    def scenarios(self, rows: Mapping[str, FeatureRow]) -> Scenarios:
        """Scenarios of all covered assets; cached until a feature changes."""
        chosen = [
            row
            for symbol in self.manifest.symbols
            if (row := rows.get(symbol)) is not None and self.refuses(row) is None
        ]
        rate = rows.get(self.manifest.rate or "")
        if rate is not None and (
            not rate.is_warm or rate.window is None or rate.spec_hash != self.manifest.spec_hash
        ):
            rate = None
        key = tuple(
            (row.symbol, row.event_ms, row.values["price"]) for row in (*chosen, rate) if row is not None
        )
        with self._lock:
            if self._cached is not None and self._cached[0] == key:
                return self._cached[1]
            columns = [*(self._position[row.symbol] for row in chosen), -2, -1]
            quantiles = [self._rate(rate)[None], self._arrays.inflation[None]]
            if chosen:
                quantiles.insert(0, self.quantiles(chosen)[:, FAN_COLUMNS])
            drawn = returns(np.concatenate(quantiles), self._uniforms[..., columns])
            result = Scenarios(
                symbols=[row.symbol for row in chosen],
                log_return=drawn[..., :-2],
                rate=drawn[..., -2] if rate is not None else None,
                inflation=drawn[..., -1],
            )
            self._cached = (key, result)
            return result


class ChampionWatcher:
    """Follows the `champion` link: a promoted model is picked up without a restart."""

    def __init__(self, models_dir: Path, universe: Universe) -> None:
        self._models, self._universe = models_dir, universe
        self._champion: Champion | None = None
        self._refused: str | None = None
        self.problem: str | None = None

    def current(self) -> Champion | None:
        """The newest usable champion. A damaged directory leaves the previous one and sets `problem`."""
        version = artefact.champion_version(self._models)
        serving = self._champion.version if self._champion else None
        if version is None or version in (serving, self._refused):
            return self._champion
        try:
            self._champion = Champion(self._models / version)
            self.problem, self._refused = None, None
            log.info("serving model %s", version)
        except Exception as error:  # also what ONNX Runtime raises: a bad model must not end the page
            self.problem, self._refused = str(error), version
            log.error("model %s refused, %s stays: %s", version, serving or "none", error)
        return self._champion
