"""`allocast forecast`: one answer on the command line, from the online store."""

from __future__ import annotations

import sys
import time

import msgspec

from feature_repo.online import FeastReader
from producers.errors import TryAgain
from producers.settings import load_settings
from producers.universe import load_universe
from training import frontier
from training.answer import Answer, Choice, Summary, ask, parse_weights
from training.answering import answer
from training.champion import ChampionWatcher
from training.horizons import FAN
from training.profit import simulate


def run(
    amount: float,
    weights: str,
    horizon: str,
    as_json: bool,
    fee: float = 0.0,
    rebalance: str = "none",
    deposit: str = "fixed",
    suggest: bool = False,
) -> int:
    """Print the forecast. Raises FixAndRestart (the request) or TryAgain (no model, no prices)."""
    settings = load_settings()
    universe = load_universe(settings.universe_file)
    request = ask(amount, parse_weights(weights), horizon, universe, fee, rebalance, deposit)
    watcher = ChampionWatcher(settings.models_dir, universe)
    champion = watcher.current()
    if champion is None:
        raise TryAgain(watcher.problem or f"{settings.models_dir}: no model yet; is `allocast up` running?")
    rows = FeastReader(settings).read(universe.symbols)
    result = answer(request, champion, rows, int(time.time() * 1000), universe)
    if suggest:
        outcome = simulate(request, champion.scenarios(rows), rows, universe)
        result = msgspec.structs.replace(
            result, suggestion=frontier.suggest(outcome, FAN.index(result.horizon_sessions))
        )
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n" if as_json else _text(result))
    return 0


def _text(result: Answer) -> str:
    lines = [
        f"{result.amount:,.0f} for {result.horizon_sessions} sessions from {result.as_of[:10]}",
        _line("after inflation", result.real),
        _line("before inflation", result.nominal),
    ]
    if result.prob_beat_deposit is not None:
        lines.append(f"chance to beat the bank deposit: {result.prob_beat_deposit:.0%}")
    if result.short_rate is not None:
        lines.append(
            f"short rate then: {result.short_rate.median:.2f} % a year, "
            f"90 % between {result.short_rate.p05:.2f} and {result.short_rate.p95:.2f}"
        )
    if result.risk is not None:
        lines.append(
            f"worst twentieth: {-result.risk.cvar95:+,.0f} on average after inflation; "
            f"on the way a fall of {result.risk.drawdown_median:.0%} (one in twenty: {result.risk.drawdown_p95:.0%})"
        )
    if result.suggestion is not None:
        lines.append(f"smallest loss in the worst twentieth: {_choice(result.suggestion.least_cvar)}")
        lines += [f"  efficient: {_choice(one)}" for one in result.suggestion.frontier]
        lines.append(f"  yours: {_choice(result.suggestion.own)}")
    members = ", ".join(f"{name} {weight:.0%}" for name, weight in result.model.members.items())
    lines.append(f"model {result.model.version} ({members})")
    lines += [f"note: {note}" for note in result.notes]
    return "\n".join(lines) + "\n"


def _line(name: str, summary: Summary) -> str:
    return (
        f"{name:>16}: median {summary.median:+,.0f}, mean {summary.mean:+,.0f}, "
        f"90 % between {summary.p05:+,.0f} and {summary.p95:+,.0f}, chance of loss {summary.prob_loss:.0%}"
    )


def _choice(choice: Choice) -> str:
    parts = ", ".join(f"{name} {weight:.0f} %" for name, weight in choice.weights.items() if weight >= 0.5)
    return f"{parts}: mean {choice.real_mean:+,.0f}, worst twentieth {-choice.cvar95:+,.0f}"
