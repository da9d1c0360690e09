"""What a page asks, as its address says it: read from an untrusted query and written back. Pure.

?amount=10000&cur=EUR&w=gold:60,cash:40&h=6m&money=real&fee=0.5&rebalance=monthly&deposit=renewed&vs=sp500:100&view=compare
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode

from dashboard.allocation import presets, scale_to_100
from producers.universe import Universe
from training.answer import DEPOSIT, HORIZONS, MAX_AMOUNT, MAX_FEE, MAX_WEIGHT, REBALANCE

T = TypeVar("T")

VIEWS = ("money", "compare", "trust", "models", "health")
MONEY = ("real", "nominal")
LONGEST_QUERY = 2_000
LONGEST_QUOTE = 24  # characters of a refused value that are shown
OTHERS = 3  # allocations beside one's own
CURRENCY = re.compile(r"[A-Za-z]{0,4}|[€$£¥₿₹]|")
NAMES = ("amount", "cur", "w", "h", "money", "fee", "rebalance", "deposit", "vs", "view")

Weights = dict[str, float]


@dataclass(frozen=True)
class Asked:
    """Everything that is chosen on the page. Weights are percent per asset id, all of the universe's."""

    weights: Weights
    amount: float = 10_000.0
    currency: str = ""
    horizon: str = "6m"
    real: bool = True  # after inflation
    fee: float = 0.0  # percent of every trade
    rebalance: str = "none"
    deposit: str = "fixed"
    others: tuple[Weights, ...] = ()  # allocations to compare with, up to OTHERS
    view: str = "money"


def default(universe: Universe) -> Asked:
    """What a page shows that nobody has asked anything."""
    return Asked(weights=dict(presets(universe)[0].weights))


def read(query: str, universe: Universe) -> tuple[Asked, list[str]]:
    """What a query asks, and one sentence for everything in it that was corrected. Never raises.

    query : what follows the question mark, with or without it.
    """
    start = default(universe)
    query = query.removeprefix("?")
    if len(query) > LONGEST_QUERY:
        return start, [f"The address is longer than {LONGEST_QUERY:,} characters; it was ignored."]
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="replace", max_num_fields=64)
    except ValueError:
        return start, ["The address could not be read; it was ignored."]
    notices = [f"Unknown in the address: {_quoted(name)}." for name, _ in pairs if name not in NAMES]
    given: dict[str, str] = {}
    for name, value in pairs:
        given.setdefault(name, value)

    def chosen(name: str, allowed: Callable[[str], T | None], fallback: T, expected: str) -> T:
        if name not in given:
            return fallback
        value = allowed(given[name])
        if value is None:
            notices.append(
                f"{name}: expected {expected}, got {_quoted(given[name])}; {fallback or 'none'} is used."
            )
            return fallback
        return value

    found = replace(
        start,
        amount=chosen(
            "amount", _between(0, MAX_AMOUNT, above=True), start.amount, f"more than 0 up to {MAX_AMOUNT:g}"
        ),
        currency=chosen("cur", _matching(CURRENCY), start.currency, "up to four letters or a sign"),
        horizon=chosen("h", _one_of(HORIZONS), start.horizon, f"one of {', '.join(HORIZONS)}"),
        real=chosen("money", _one_of(MONEY), "real", "real or nominal") == "real",
        fee=chosen("fee", _between(0, MAX_FEE), start.fee, f"0 to {MAX_FEE:g}"),
        rebalance=chosen("rebalance", _one_of(REBALANCE), start.rebalance, f"one of {', '.join(REBALANCE)}"),
        deposit=chosen("deposit", _one_of(DEPOSIT), start.deposit, f"one of {', '.join(DEPOSIT)}"),
        view=chosen("view", _one_of(VIEWS), start.view, f"one of {', '.join(VIEWS)}"),
    )
    if "w" in given:
        found = replace(found, weights=_weights(given["w"], universe, "w", notices) or start.weights)
    others = [value for name, value in pairs if name == "vs"]
    if len(others) > OTHERS:
        notices.append(f"vs: at most {OTHERS} allocations are compared with yours; the others were left out.")
    read_others = [_weights(value, universe, "vs", notices) for value in others[:OTHERS]]
    return replace(found, others=tuple(one for one in read_others if one)), notices


def write(asked: Asked, universe: Universe) -> str:
    """The query of a choice, without what is the same as on a fresh page.

    >>> from producers.universe import load_universe
    >>> write(replace(default(load_universe()), amount=500.0, horizon="1m"), load_universe())
    '?amount=500&h=1m'
    """
    start = default(universe)
    pairs: list[tuple[str, str]] = []
    if asked.amount != start.amount:
        pairs.append(("amount", _short(asked.amount)))
    if asked.currency:
        pairs.append(("cur", asked.currency))
    if asked.weights != start.weights:
        pairs.append(("w", _listed(asked.weights)))
    if asked.horizon != start.horizon:
        pairs.append(("h", asked.horizon))
    if not asked.real:
        pairs.append(("money", "nominal"))
    if asked.fee:
        pairs.append(("fee", _short(asked.fee)))
    if asked.rebalance != start.rebalance:
        pairs.append(("rebalance", asked.rebalance))
    if asked.deposit != start.deposit:
        pairs.append(("deposit", asked.deposit))
    pairs += [("vs", _listed(other)) for other in asked.others]
    if asked.view != start.view:
        pairs.append(("view", asked.view))
    return "?" + urlencode(pairs, safe=":,") if pairs else ""


def _weights(text: str, universe: Universe, name: str, notices: list[str]) -> Weights:
    """Every asset's percent; empty, with a notice, when nothing of the text can be used."""
    known = {asset.id: 0.0 for asset in universe.asset}
    found: Weights = {}
    for part in filter(None, text.split(",")):
        asset, _, percent = part.partition(":")
        value = _between(0, MAX_WEIGHT)(percent)
        if asset not in known:
            notices.append(f"{name}: there is no asset {_quoted(asset)}; it was left out.")
        elif value is None:
            notices.append(
                f"{name}: expected 0 to {MAX_WEIGHT:,.0f} percent of {asset}, got {_quoted(percent)}; 0 is used."
            )
        else:
            found[asset] = value
    if not any(found.values()):
        notices.append(f"{name}: no weights could be read from {_quoted(text)}.")
        return {}
    if abs(math.fsum(found.values()) - 100) > 0.01:
        notices.append(
            f"{name}: the weights summed to {math.fsum(found.values()):.6g}; they were scaled to 100."
        )
        found = scale_to_100(found)
    return known | found


def _between(low: float, high: float, above: bool = False) -> Callable[[str], float | None]:
    def check(text: str) -> float | None:
        try:
            value = float(text) if len(text) <= LONGEST_QUOTE else math.nan
        except ValueError:
            return None
        inside = math.isfinite(value) and low <= value <= high and not (above and value == low)
        return value if inside else None

    return check


def _one_of(names: Mapping[str, object] | tuple[str, ...]) -> Callable[[str], str | None]:
    return lambda text: text if text in names else None


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str | None]:
    return lambda text: text if pattern.fullmatch(text) else None


def _quoted(text: str) -> str:
    shown = "".join(one if one.isprintable() else "?" for one in text[:LONGEST_QUOTE])
    return f"“{shown}{'…' if len(text) > LONGEST_QUOTE else ''}”"


def _listed(weights: Weights) -> str:
    return ",".join(f"{name}:{_short(value)}" for name, value in weights.items() if value > 0)


def _short(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
