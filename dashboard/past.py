"""What the same mix did so far: the fact beside the forecast."""

from __future__ import annotations

from dashboard.fan_chart import PAST_SESSIONS
from dashboard.live import Snapshot
from dashboard.stress import path
from producers.universe import Universe
from training.answer import Request


def so_far(request: Request, snapshot: Snapshot, universe: Universe) -> list[float]:
    """Money by which the mix was below (negative) or above today's amount at each of the last sessions, oldest
    first, before inflation; empty without recorded closes of every asset that is held."""
    recent = {symbol: dict(series) for symbol, series in snapshot.record.recent.items()}
    for symbol, row in snapshot.basis.items():
        price = row.values.get("price")
        if price is not None:
            recent.setdefault(symbol, {})[row.session_date] = price
    dates, value = path(request.weights, recent, universe, 0, 99999999)
    if len(dates) < 2 or value[-1] <= 0:
        return []
    scaled = [request.amount * (one / value[-1] - 1) for one in value[:-1]]
    return scaled[-PAST_SESSIONS:]
