"""How fresh each stage of ticks -> features -> model -> page is. Pure; the browser counts the ages.

The server sends a state and a moment, never an age: a page whose server died must go stale by itself.
The browser shows `live` for LIVE until the moment is older than `stale_after_s`, then `stale`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from dashboard.live import Snapshot
from producers.universe import Asset, Universe

LIVE, WAITING, CLOSED, ERROR = "live", "waiting", "closed", "error"
TICKS_STALE_S = 60.0
MODEL_STALE_S = 30 * 86_400.0


@dataclass(frozen=True)
class Stage:
    """One stage. since_ms : moment of its newest news, ms since epoch; None when there was none."""

    state: str  # LIVE, WAITING, CLOSED or ERROR
    since_ms: int | None
    stale_after_s: float | None  # None: it does not age
    detail: str


def ticks(snapshot: Snapshot, universe: Universe, now_ms: int) -> Stage:
    """Prices as the producer read them, over all assets: one that still trades keeps this stage live.

    While the exchange is closed, silence of what trades there is no fault: the stage is closed, not stale.
    """
    if not snapshot.rows:
        return Stage(WAITING, None, TICKS_STALE_S, "no prices yet")
    feeds = ", ".join(sorted({row.feed for row in snapshot.rows.values()}))
    since = max(row.seen_ms for row in snapshot.rows.values())
    always = {asset.symbol for asset in universe.asset if asset.calendar == "always"} & snapshot.rows.keys()
    if not snapshot.market_open and not always and now_ms - since > TICKS_STALE_S * 1000:
        return Stage(CLOSED, since, TICKS_STALE_S, f"{feeds} feed, the exchange is closed")
    return Stage(LIVE, since, TICKS_STALE_S, f"{feeds} feed")


def quiet(asset: Asset, snapshot: Snapshot, now_ms: int) -> str:
    """Why a price is old: "closed" while its exchange is, "stale" otherwise; empty while it is fresh."""
    row = snapshot.rows.get(asset.symbol)
    if row is None or now_ms - row.seen_ms <= TICKS_STALE_S * 1000:
        return ""
    return CLOSED if asset.calendar == "sessions" and not snapshot.market_open else "stale"


def features(snapshot: Snapshot, universe: Universe, now_ms: int) -> Stage:
    """The online store: as old as the newest price in it, not as our last look at it."""
    since = max((row.seen_ms for row in snapshot.rows.values()), default=None)
    if snapshot.store_problem:
        state = ERROR if snapshot.taken_ms else WAITING
        return Stage(state, since, TICKS_STALE_S, snapshot.store_problem)
    warm = sum(row.is_warm for row in snapshot.rows.values())
    detail = f"{warm} of {len(universe.asset)} assets with full history"
    return Stage(ticks(snapshot, universe, now_ms).state, since, TICKS_STALE_S, detail)


def model(snapshot: Snapshot) -> Stage:
    """The champion. A newer one that cannot be read is an error even while the old one answers."""
    champion = snapshot.champion
    if champion is None:
        if snapshot.model_problem:
            return Stage(ERROR, None, MODEL_STALE_S, snapshot.model_problem)
        return Stage(WAITING, None, MODEL_STALE_S, "no model yet")
    lstm = f"{champion.version}, {'with' if champion.has_lstm else 'not yet with'} LSTM"
    if snapshot.model_problem:
        return Stage(ERROR, champion.created_ms, MODEL_STALE_S, snapshot.model_problem)
    return Stage(LIVE, champion.created_ms, MODEL_STALE_S, lstm)


def pulse(snapshot: Snapshot, universe: Universe, now_ms: int) -> dict[str, object]:
    """What the browser needs to count ages: the server's clock and the three stages it cannot see itself."""
    stages = {
        "ticks": ticks(snapshot, universe, now_ms),
        "features": features(snapshot, universe, now_ms),
        "model": model(snapshot),
    }
    return {"now_ms": now_ms, "stages": {name: asdict(stage) for name, stage in stages.items()}}


def waiting_for(snapshot: Snapshot) -> str:
    """What keeps the page from forecasting, as one sentence; empty when nothing does."""
    if not snapshot.taken_ms:
        return f"Waiting for the feature store. {snapshot.store_problem}".strip()
    if not snapshot.rows:
        return "Waiting for prices. They appear as soon as the first feed delivers."
    if snapshot.champion is None:
        problem = f" {snapshot.model_problem}" if snapshot.model_problem else ""
        return f"Waiting for the first model. It is fitted within seconds of the first prices.{problem}"
    return ""
