"""The question a saver asks and the answer: the contract of `allocast forecast --json` and of the page."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from producers.errors import FixAndRestart
from producers.universe import Universe

HORIZONS = {"1m": 21, "3m": 63, "6m": 126}  # NYSE sessions
FAN_SESSIONS = (21, 42, 63, 84, 105, 126)
MAX_AMOUNT = 1e12
REBALANCE = ("none", "monthly")
DEPOSIT = ("fixed", "renewed")  # today's rate to the end of the term, or each month the rate of then
MAX_FEE = 20.0  # percent
MAX_WEIGHT = 1e6  # percent, of what may be typed before it is scaled: sums stay finite


class Request(msgspec.Struct, frozen=True):
    """What is asked. Made by `ask`, so it is always valid."""

    amount: float  # money put in today, > 0
    weights: dict[str, float]  # percent per asset id, each >= 0, sum 100; assets not named have 0
    horizon: str  # key of HORIZONS
    fee: float = 0.0  # percent of every purchase and sale; the deposit is free
    rebalance: str = "none"  # one of REBALANCE
    deposit: str = "fixed"  # one of DEPOSIT


class Risk(msgspec.Struct, frozen=True):
    """How bad it may get, after inflation. var95 and cvar95 in money, positive for a loss: what one scenario in
    twenty exceeds, and the mean of those. Drawdown: deepest fall below an earlier high on the way, seen every
    21 sessions, before inflation, as a fraction of that high.
    """

    var95: float
    cvar95: float
    drawdown_median: float
    drawdown_p95: float


class Summary(msgspec.Struct, frozen=True):
    """Distribution of a profit in money (the unit of `amount`). prob_loss is a fraction."""

    mean: float
    median: float
    p05: float
    p25: float
    p75: float
    p95: float
    prob_loss: float


class AssetOutlook(msgspec.Struct, frozen=True):
    """What one asset adds. Profits in money for the asset's own share of the amount."""

    weight: float  # percent
    price: float | None  # latest quote; percent per year for the deposit
    real_mean: float
    nominal_mean: float
    return_p05: float  # nominal simple return over the horizon, fraction, of the asset itself
    return_median: float
    return_p95: float
    cvar_part: float = 0.0  # of Risk.cvar95, in money; the parts of all assets sum to it
    members: dict[str, float] = {}  # the pool's weights for this asset at this horizon
    matured: int = 0  # labels those weights were learned from


class ModelCard(msgspec.Struct, frozen=True):
    """Which model answered. `members` are the pool's weights (fractions, sum 1) at this horizon."""

    version: str
    members: dict[str, float]
    age_s: float
    has_lstm: bool


class InputState(msgspec.Struct, frozen=True):
    """Freshness of one input. status: live, old, warming or missing; age_s None when missing.

    age_s is the time since the tick was read; event_ms its exchange time (for cpi: the month's release).
    """

    age_s: float | None
    status: str
    event_ms: int | None = None
    feed: str | None = None
    source_offset: int | None = (
        None  # newest record of the symbol's partition of market.ticks that it contains
    )


class Fan(msgspec.Struct, frozen=True):
    """Profit in money by session; each list is as long as `sessions`, which starts at 0 (today, profit 0)."""

    sessions: list[int]
    p05: list[float]
    p25: list[float]
    median: list[float]
    p75: list[float]
    p95: list[float]


class Choice(msgspec.Struct, frozen=True):
    """An allocation (percent per asset id), its mean real profit and its CVaR 95, in money, without fees."""

    weights: dict[str, float]
    real_mean: float
    cvar95: float


class Suggestion(msgspec.Struct, frozen=True):
    """Where the user's allocation lies. frontier : from least risk to most profit."""

    least_cvar: Choice
    frontier: list[Choice]
    own: Choice


class Rate(msgspec.Struct, frozen=True):
    """The short rate, percent per year, not below 0."""

    p05: float
    median: float
    p95: float


class Answer(msgspec.Struct, frozen=True):
    """The forecast of one allocation."""

    as_of: str  # ISO 8601, UTC: exchange time of the newest input
    horizon_sessions: int
    amount: float
    real: Summary  # after inflation, in today's money
    nominal: Summary
    prob_beat_deposit: float | None  # None when there is no deposit rate
    inflation_median: float  # over the horizon, fraction
    assets: dict[str, AssetOutlook]
    model: ModelCard
    inputs: dict[str, InputState]
    fan_real: Fan
    fan_nominal: Fan
    scenarios: int
    risk: Risk | None = None  # None only in answers written before there was one
    short_rate: Rate | None = None  # at the horizon; None with too little history of it
    suggestion: Suggestion | None = None  # made when asked for
    notes: list[str] = []  # what a reader must know: old inflation data, simulated prices, missing LSTM


def parse_weights(text: str) -> dict[str, float]:
    """Weights from `gold=40,nasdaq=30,...`. Raises FixAndRestart with one sentence.

    >>> parse_weights("gold=40, cash=60")
    {'gold': 40.0, 'cash': 60.0}
    """
    weights: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, separator, value = part.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not separator or not math.isfinite(number):
            raise FixAndRestart(f"weights: expected ASSET=PERCENT separated by commas, got {part!r}")
        if name.strip() in weights:
            raise FixAndRestart(f"weights: {name.strip()} is given twice")
        weights[name.strip()] = number
    return weights


def ask(
    amount: float,
    weights: Mapping[str, float],
    horizon: str,
    universe: Universe,
    fee: float = 0.0,
    rebalance: str = "none",
    deposit: str = "fixed",
) -> Request:
    """A valid request, or FixAndRestart with one sentence that says what to change."""
    known = [asset.id for asset in universe.asset]
    if not (math.isfinite(amount) and 0 < amount <= MAX_AMOUNT):
        raise FixAndRestart(f"amount: expected more than 0 and at most {MAX_AMOUNT:g}, got {amount:g}")
    if horizon not in HORIZONS:
        raise FixAndRestart(f"horizon: expected one of {', '.join(HORIZONS)}, got {horizon!r}")
    if not (math.isfinite(fee) and 0 <= fee <= MAX_FEE):
        raise FixAndRestart(f"fee: expected 0 to {MAX_FEE:g} percent, got {fee:g}")
    if rebalance not in REBALANCE:
        raise FixAndRestart(f"rebalance: expected one of {', '.join(REBALANCE)}, got {rebalance!r}")
    if deposit not in DEPOSIT:
        raise FixAndRestart(f"deposit: expected one of {', '.join(DEPOSIT)}, got {deposit!r}")
    for name, weight in weights.items():
        if name not in known:
            raise FixAndRestart(f"weights: unknown asset {name!r}; known are {', '.join(known)}")
        if not 0 <= weight <= MAX_WEIGHT:
            raise FixAndRestart(f"weights: {name} must be 0 to {MAX_WEIGHT:,.0f} percent, got {weight:g}")
    total = math.fsum(weights.values())
    if abs(total - 100) > 0.01:
        change = f"add {100 - total:g}" if total < 100 else f"take away {total - 100:g}"
        raise FixAndRestart(f"weights: must sum to 100 percent, they sum to {total:g}; {change}")
    chosen = {name: weight for name, weight in weights.items() if weight > 0}
    return Request(amount, chosen, horizon, fee, rebalance, deposit)
