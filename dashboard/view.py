"""What the page says, from what is known. Pure functions from snapshots and answers to words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from dashboard import money
from dashboard.live import Snapshot
from producers.universe import Asset, Universe
from training.answer import Answer, AssetOutlook, Rate, Summary

MONTHS = {21: "1 month", 63: "3 months", 126: "6 months"}
SIMULATED = "simulated"


@dataclass(frozen=True)
class Outcome:
    """The figures of one answer as text."""

    sentence: str
    median: str
    median_percent: str
    mean: str
    mean_percent: str
    range: str
    range_percent: str
    prob_loss: str
    prob_loss_other: str
    prob_beat_deposit: str
    var95: str
    cvar95: str
    drawdown: str
    drawdown_bad: str
    gains: bool  # whether the median is above zero
    as_of: str


def after(sessions: int) -> str:
    """A horizon in words.

    >>> after(126), after(10)
    ('126 trading days (about 6 months)', '10 trading days')
    """
    months = MONTHS.get(sessions)
    return f"{sessions} trading days" + (f" (about {months})" if months else "")


def outcome(answer: Answer, *, real: bool, currency: str = "") -> Outcome:
    """The headline figures, after inflation when `real`, else in plain money. currency : a label, may be empty."""
    unit = f"\u00a0{currency}" if currency else ""
    other = answer.nominal if real else answer.real
    risk = answer.risk
    profit: Summary = answer.real if real else answer.nominal
    amount = answer.amount
    in_money = money.profit(profit.median, amount) + unit
    side = "above" if profit.median >= 0 else "at a loss of more than"
    shown = in_money if profit.median >= 0 else in_money.lstrip(money.MINUS)
    kind = "after inflation" if real else "before inflation"
    return Outcome(
        sentence=f"In {after(answer.horizon_sessions)}, half of the scenarios end {side} {shown} {kind}.",
        median=f"{money.arrow(profit.median)} {in_money}",
        median_percent=money.percent(profit.median / amount),
        mean=money.profit(profit.mean, amount) + unit,
        mean_percent=money.percent(profit.mean / amount),
        range=f"{money.profit(profit.p05, amount)} to {money.profit(profit.p95, amount)}{unit}",
        range_percent=f"{money.percent(profit.p05 / amount)} to {money.percent(profit.p95 / amount)}",
        prob_loss=money.chance(profit.prob_loss),
        prob_loss_other=f"{money.chance(other.prob_loss)} {'before' if real else 'after'} inflation",
        prob_beat_deposit=money.chance(answer.prob_beat_deposit),
        var95=money.NOTHING if risk is None else money.profit(-risk.var95, amount) + unit,
        cvar95=money.NOTHING if risk is None else money.profit(-risk.cvar95, amount) + unit,
        drawdown=money.NOTHING if risk is None else money.percent(-risk.drawdown_median),
        drawdown_bad="" if risk is None else f"one in twenty: {money.percent(-risk.drawdown_p95)} or more",
        gains=profit.median >= 0,
        as_of=as_of(answer.as_of),
    )


def as_of(iso: str) -> str:
    """The moment of the newest input, as people write it.

    >>> as_of("2026-07-30T14:05:09.120+00:00")
    '30 Jul 2026, 14:05:09 UTC'
    """
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{moment.day} {moment:%b %Y, %H:%M:%S} UTC"


def sentence(text: str) -> str:
    """A remark of the model, written as people write: capital letter, full stop.

    >>> sentence("the LSTM is still being trained"), sentence("")
    ('The LSTM is still being trained.', '')
    """
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def feed_badge(snapshot: Snapshot) -> str:
    """SIMULATED PRICES as soon as one price is; else the feeds' names; empty before the first price."""
    feeds = {row.feed for row in snapshot.rows.values()}
    if SIMULATED in feeds:
        return "SIMULATED PRICES"
    return " + ".join(sorted(feeds)).upper()


def price(asset: Asset, snapshot: Snapshot) -> str:
    """The latest quote of an asset; a rate says what it is."""
    row = snapshot.rows.get(asset.symbol)
    text = money.quote(row.values.get("price") if row else None)
    return f"{text} %" if asset.kind == "rate" and text != money.NOTHING else text


def change(asset: Asset, snapshot: Snapshot) -> tuple[str, str]:
    """Today's change and its direction (up, down, even). A rate has none: its return is its level."""
    row = snapshot.rows.get(asset.symbol)
    log_return = row.values.get("log_return_1") if row else None
    if asset.kind == "rate" or log_return is None or not math.isfinite(log_return):
        return "", "even"
    fraction = math.expm1(log_return)
    direction = "up" if fraction > 0 else "down" if fraction < 0 else "even"
    return f"{money.arrow(fraction)} {money.percent(fraction, 2)}", direction


def outlook(asset: AssetOutlook | None) -> str:
    """An asset's own return over the horizon, before inflation: median and the 5-95 % range."""
    if asset is None:
        return money.NOTHING
    low, high = money.percent(asset.return_p05), money.percent(asset.return_p95)
    return f"{money.percent(asset.return_median)} ({low}\u00a0to\u00a0{high})"  # the range stays in one line


def rate_then(rate: Rate | None) -> str:
    """What the deposit's rate will be at the horizon: median and the 5-95 % range; empty when it is not known.

    >>> rate_then(Rate(2.1, 3.94, 5.6)).split(), rate_then(None)
    (['rate', 'then', '3.9', '%', '(2.1', '%', 'to', '5.6', '%)'], '')
    """
    if rate is None:
        return ""
    median, low, high = (f"{one:.1f}\u00a0%" for one in (rate.median, rate.p05, rate.p95))
    return f"rate then {median} ({low}\u00a0to\u00a0{high})"


def last_hour(asset: Asset, snapshot: Snapshot) -> str:
    """What an asset did in the last hour of event time: its return and how much it swung."""
    row = snapshot.rows.get(asset.symbol)
    if row is None or asset.kind == "rate":
        return ""
    moved, swung = row.values.get("log_return_1h"), row.values.get("realised_volatility_1h")
    if moved is None or swung is None or not (math.isfinite(moved) and math.isfinite(swung)):
        return money.NOTHING
    return f"{money.percent(math.expm1(moved), 2)}, swing\u00a0{swung * 100:.2f}\u00a0%"


def contributions(answer: Answer, universe: Universe, *, real: bool) -> list[tuple[str, float, float, float]]:
    """Name, weight (percent), part of the mean profit and of CVaR 95 (money), of the assets that are held."""
    found = []
    for asset in universe.asset:
        one = answer.assets.get(asset.id)
        if one is not None and one.weight > 0:
            found.append((asset.name, one.weight, one.real_mean if real else one.nominal_mean, one.cvar_part))
    return found
