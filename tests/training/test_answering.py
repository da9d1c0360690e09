"""From a question to an answer: validation, brute-force profit, honesty about inputs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import pytest

from feature_repo.features import spec_hash
from producers.errors import FixAndRestart, TryAgain
from producers.universe import load_universe
from tests.stubs import close_ms, row
from tests.training.worlds import dataset
from training import artefact, fitting, frontier, pool
from training.answer import HORIZONS, ask, parse_weights
from training.answering import DOLLARS, NO_LSTM, SIMULATED, answer
from training.champion import Champion, ChampionWatcher
from training.horizons import FAN
from training.profit import simulate

UNIVERSE = load_universe()
NOW_MS = close_ms(12_001)
RATE = {"price": 2.0, "ewma_volatility": 3e-4, "realised_volatility_252": 3e-4 * 252**0.5}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder whose champion covers gold and NASDAQ, without LSTM."""
    folder = tmp_path_factory.mktemp("models")
    data = dataset(2_000)
    staged = artefact.stage(folder, "v1")
    fitting.save(folder, staged, fitting.fit_first(data), data, "history", "", NOW_MS - 60_000)
    artefact.promote(folder, "v1")
    return folder


@pytest.fixture(scope="module")
def champion(models: Path) -> Champion:
    return Champion(models / "v1")


def rows() -> dict[str, object]:
    return {
        "GC=F": row("GC=F"),
        "^IXIC": row("^IXIC", values={"price": 9000.0, "ewma_volatility": 0.02}),
        "^IRX": row("^IRX", values=RATE),
    }


@pytest.mark.parametrize(
    ("amount", "weights", "horizon", "says"),
    [
        (0.0, "gold=100", "6m", "amount: expected more than 0"),
        (-5.0, "gold=100", "6m", "amount"),
        (float("nan"), "gold=100", "6m", "amount"),
        (1e15, "gold=100", "6m", "amount"),
        (1.0, "gold=60,cash=30", "6m", "sum to 90; add 10"),
        (1.0, "gold=60,cash=60", "6m", "take away 20"),
        (1.0, "silver=100", "6m", "unknown asset 'silver'; known are gold, nasdaq"),
        (1.0, "gold=-10,cash=110", "6m", "gold must be 0 to 1,000,000 percent, got -10"),
        (1.0, "gold=100", "9m", "horizon: expected one of 1m, 3m, 6m"),
        (1.0, "gold", "6m", "expected ASSET=PERCENT"),
        (1.0, "gold=fifty", "6m", "expected ASSET=PERCENT"),
        (1.0, "gold=nan", "6m", "expected ASSET=PERCENT"),
        (1.0, "gold=50,gold=50", "6m", "given twice"),
        (1.0, "", "6m", "sum to 0"),
    ],
)
def test_a_wrong_question_gets_one_sentence(amount: float, weights: str, horizon: str, says: str) -> None:
    with pytest.raises(FixAndRestart) as caught:
        ask(amount, parse_weights(weights), horizon, UNIVERSE)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("horizon", list(HORIZONS))
def test_the_profit_equals_a_brute_force_simulation(champion: Champion, horizon: str) -> None:
    request = ask(10_000.0, {"gold": 40.0, "nasdaq": 50.0, "cash": 10.0}, horizon, UNIVERSE)
    result = answer(request, champion, rows(), NOW_MS, UNIVERSE)
    scenarios = champion.scenarios(rows())
    at = FAN.index(HORIZONS[horizon])
    profits, beaten = [], 0
    for one in range(len(scenarios.inflation)):
        gold = np.exp(scenarios.log_return[one, at, scenarios.symbols.index("GC=F")])
        nasdaq = np.exp(scenarios.log_return[one, at, scenarios.symbols.index("^IXIC")])
        cash = 1 + 0.02 * HORIZONS[horizon] / 252
        end = 4_000 * gold + 5_000 * nasdaq + 1_000 * cash
        beaten += end > 10_000 * cash
        profits.append(end / np.exp(scenarios.inflation[one, at]) - 10_000)
    assert result.real.mean == pytest.approx(np.mean(profits))
    assert result.real.median == pytest.approx(np.median(profits))
    assert result.real.p05 == pytest.approx(np.quantile(profits, 0.05))
    assert result.real.prob_loss == pytest.approx(np.mean(np.array(profits) < 0))
    assert result.prob_beat_deposit == pytest.approx(beaten / len(profits))
    assert sum(asset.real_mean for asset in result.assets.values()) == pytest.approx(result.real.mean)
    at_horizon = result.fan_real.sessions.index(HORIZONS[horizon])
    assert result.fan_real.median[at_horizon] == pytest.approx(result.real.median)
    assert result.fan_real.p05[0] == 0.0


def test_risk_and_fees_in_the_answer(champion: Champion) -> None:
    weights = {"gold": 40.0, "nasdaq": 50.0, "cash": 10.0}
    plain = answer(ask(10_000.0, weights, "6m", UNIVERSE), champion, rows(), NOW_MS, UNIVERSE)
    assert plain.risk is not None
    assert plain.risk.cvar95 > plain.risk.var95 > 0
    assert plain.risk.var95 == pytest.approx(-plain.real.p05)
    assert sum(one.cvar_part for one in plain.assets.values()) == pytest.approx(plain.risk.cvar95)
    assert plain.risk.drawdown_p95 > plain.risk.drawdown_median > 0
    assert sum(plain.assets["gold"].members.values()) == pytest.approx(1)
    dear = answer(ask(10_000.0, weights, "6m", UNIVERSE, 1.0), champion, rows(), NOW_MS, UNIVERSE)
    assert dear.nominal.mean == pytest.approx(plain.nominal.mean - 180, abs=20)  # 1 % in, 1 % out of 90 %
    traded = answer(
        ask(10_000.0, weights, "6m", UNIVERSE, 0.0, "monthly"), champion, rows(), NOW_MS, UNIVERSE
    )
    assert traded.nominal.mean == pytest.approx(plain.nominal.mean, rel=0.2)
    assert traded.nominal.mean != plain.nominal.mean


def test_a_renewed_deposit_earns_what_the_rate_will_be(champion: Champion) -> None:
    fixed, renewed = (
        answer(
            ask(10_000.0, {"cash": 100.0}, "6m", UNIVERSE, deposit=deposit),
            champion,
            rows(),
            NOW_MS,
            UNIVERSE,
        )
        for deposit in ("fixed", "renewed")
    )
    assert fixed.nominal.p05 == fixed.nominal.p95
    assert renewed.nominal.p05 < fixed.nominal.median < renewed.nominal.p95
    assert renewed.nominal.median == pytest.approx(fixed.nominal.median, rel=0.05)
    assert renewed.short_rate is not None
    assert 0 <= renewed.short_rate.p05 < renewed.short_rate.median < renewed.short_rate.p95
    assert renewed.short_rate.median == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("unknown", [{"is_warm": False}, {"spec_hash": "of another release"}])
def test_a_renewed_deposit_is_refused_while_nothing_is_known_of_the_rate(
    champion: Champion, unknown: dict[str, object]
) -> None:
    young = rows() | {"^IRX": row("^IRX", values=RATE, **unknown)}
    request = ask(10_000.0, {"gold": 50.0, "cash": 50.0}, "6m", UNIVERSE, deposit="renewed")
    with pytest.raises(TryAgain, match="choose the fixed term"):
        answer(request, champion, young, NOW_MS, UNIVERSE)
    plain = answer(ask(10_000.0, {"cash": 100.0}, "6m", UNIVERSE), champion, young, NOW_MS, UNIVERSE)
    assert plain.short_rate is None


def test_the_suggestion_loses_less_in_the_worst_twentieth(champion: Champion) -> None:
    request = ask(10_000.0, {"nasdaq": 100.0}, "6m", UNIVERSE)
    outcome = simulate(request, champion.scenarios(rows()), rows(), UNIVERSE)
    found = frontier.suggest(outcome, FAN.index(126))
    assert found.own.weights["nasdaq"] == 100.0
    assert found.least_cvar.cvar95 < found.own.cvar95
    assert sum(found.least_cvar.weights.values()) == pytest.approx(100, abs=0.1)
    risk = [choice.cvar95 for choice in found.frontier]
    assert risk == sorted(risk)
    assert found.frontier[-1].real_mean >= found.frontier[0].real_mean
    for other in np.random.default_rng(0).dirichlet(np.ones(3), 50):
        simple = (
            outcome.growth[:2_000, FAN.index(126)] / outcome.price_level[:2_000, FAN.index(126), None] - 1
        )
        worst = np.sort(simple @ other)[:100].mean()
        assert found.least_cvar.cvar95 <= -10_000 * worst + 1e-3


def test_a_deposit_alone_is_certain_before_inflation(champion: Champion) -> None:
    result = answer(ask(1_000.0, {"cash": 100.0}, "6m", UNIVERSE), champion, rows(), NOW_MS, UNIVERSE)
    assert result.nominal.p05 == result.nominal.p95 == pytest.approx(1_000 * 0.02 / 2)
    assert result.real.p05 < result.real.p95
    assert result.prob_beat_deposit is None


def test_the_answer_has_the_documented_json(champion: Champion) -> None:
    result = answer(ask(1.0, {"gold": 100.0}, "3m", UNIVERSE), champion, rows(), NOW_MS, UNIVERSE)
    decoded = msgspec.json.decode(msgspec.json.encode(result))
    assert {"as_of", "horizon_sessions", "amount", "real", "nominal", "assets", "model", "inputs"} <= set(
        decoded
    )
    assert set(decoded["real"]) == {"mean", "median", "p05", "p25", "p75", "p95", "prob_loss"}
    assert {"version", "members", "age_s"} <= set(decoded["model"])
    assert decoded["horizon_sessions"] == 63
    assert decoded["model"]["age_s"] == 60.0


def test_more_volatility_means_a_wider_answer(champion: Champion) -> None:
    request = ask(1_000.0, {"gold": 100.0}, "6m", UNIVERSE)
    wild = rows() | {"GC=F": row("GC=F", event_ms=close_ms(12_001), values={"realised_volatility_252": 1.0})}
    calm, loud = (answer(request, champion, given, NOW_MS, UNIVERSE).real for given in (rows(), wild))
    assert loud.p95 - loud.p05 > 2 * (calm.p95 - calm.p05)


def test_what_is_missing_or_old_is_said(champion: Champion) -> None:
    request = ask(1.0, {"gold": 50.0, "cash": 50.0}, "3m", UNIVERSE)
    result = answer(request, champion, rows(), NOW_MS, UNIVERSE)
    assert NO_LSTM in result.notes
    assert result.inputs["bitcoin"].status == "missing"
    only_cash = ask(1.0, {"cash": 100.0}, "3m", UNIVERSE)
    simulated = {symbol: msgspec.structs.replace(one, feed="simulated") for symbol, one in rows().items()}
    assert {SIMULATED, DOLLARS} <= set(answer(only_cash, champion, simulated, NOW_MS, UNIVERSE).notes)
    later = answer(request, champion, rows(), NOW_MS + 10**9, UNIVERSE)
    assert later.inputs["gold"].status == "old"
    with pytest.raises(TryAgain, match="Bitcoin: no price"):
        answer(ask(1.0, {"bitcoin": 100.0}, "3m", UNIVERSE), champion, rows(), NOW_MS, UNIVERSE)
    young = rows() | {"GC=F": row("GC=F", is_warm=False, n_sessions=9)}
    with pytest.raises(TryAgain, match=r"Gold: too little history to forecast it \(9 sessions\)"):
        answer(request, champion, young, NOW_MS, UNIVERSE)


def test_a_model_of_another_market_or_from_the_future_is_not_used(champion: Champion) -> None:
    request = ask(1.0, {"gold": 100.0}, "3m", UNIVERSE)
    other = rows() | {"GC=F": row("GC=F", feed="yahoo")}
    with pytest.raises(TryAgain, match="feed yahoo, the model was trained on feed csv"):
        answer(request, champion, other, NOW_MS, UNIVERSE)
    past = rows() | {"GC=F": row("GC=F", session_date=20000103)}
    with pytest.raises(TryAgain, match="the model knows data up to"):
        answer(request, champion, past, NOW_MS, UNIVERSE)


def copy(models: Path, version: str, **changes: object) -> Path:
    """A copy of v1 under another version, with manifest fields changed."""
    folder = models / version
    folder.mkdir(exist_ok=True)
    for path in (models / "v1").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_bytes(msgspec.json.encode({**manifest, "version": version, **changes}))
    return folder


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda folder: (folder / "arrays.npz").write_bytes(b"x"), "altered or cut short"),
        (lambda folder: (folder / "arrays.npz").unlink(), "missing"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"{"), "not a readable manifest"),
        (lambda folder: (folder / "manifest.json").unlink(), "not a readable manifest"),
    ],
)
def test_a_damaged_directory_is_refused_and_the_previous_model_stays(
    models: Path, damage: object, says: str
) -> None:
    watcher = ChampionWatcher(models, UNIVERSE)
    artefact.promote(models, "v1")
    first = watcher.current()
    assert first is not None
    damage(copy(models, "damaged"))  # type: ignore[operator]
    artefact.promote(models, "damaged")
    assert watcher.current() is first
    assert says in str(watcher.problem)
    copy(models, "v2")
    artefact.promote(models, "v2")
    promoted = watcher.current()
    assert promoted is not None
    assert promoted.version == "v2"
    assert watcher.problem is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"spec_hash": "other"}, "trained on feature spec other"),
        ({"schema": "artefact/9"}, "expected artefact/3"),
        ({"horizons": [1]}, "other horizons"),
        ({"files": {"../../etc/passwd": "0"}}, "missing"),
        ({"files": {}}, "does not list"),
        ({"symbols": ["GC=F"]}, "must have shape"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(models: Path, changes: dict[str, object], says: str) -> None:
    with pytest.raises(FixAndRestart) as caught:
        Champion(copy(models, "misfit", **changes))
    assert says in str(caught.value)
    assert spec_hash() not in changes.values()


def test_an_asset_that_no_member_can_forecast_is_refused_and_the_others_are_not(tmp_path: Path) -> None:
    data = dataset(2_000)
    fitted = fitting.fit_first(data)
    able = {name: np.array([False, True]) for name in fitted.weights.weight}
    weights = pool.equal(able)
    arrays = dataclasses.replace(fitted.arrays, weights=weights.weight)
    staged = artefact.stage(tmp_path, "v1")
    nobody = dataclasses.replace(fitted, arrays=arrays, weights=weights)
    fitting.save(tmp_path, staged, nobody, data, "history", "", NOW_MS)
    champion = Champion(tmp_path / "v1")
    with pytest.raises(TryAgain, match="Gold: no member of the pool can forecast it"):
        answer(ask(1.0, {"gold": 100.0}, "3m", UNIVERSE), champion, rows(), NOW_MS, UNIVERSE)
    assert sum(champion.weights_at(63).values()) == pytest.approx(1)
    other = answer(ask(1.0, {"nasdaq": 100.0}, "3m", UNIVERSE), champion, rows(), NOW_MS, UNIVERSE)
    assert other.real.p05 < other.real.p95
    assert other.inputs["gold"].status == "warming"
