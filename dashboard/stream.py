"""What every open page is sent: the live properties of one snapshot, and the loop that sends what changed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from dash import set_props

from dashboard import drift_state, training_words, view
from dashboard.freshness import pulse, quiet, waiting_for
from dashboard.live import Poller, Snapshot, now_ms
from dashboard.metrics import MODEL_AGE_S, READ_AGE_S, VIEWERS
from dashboard.panel_states import sources
from producers.universe import Universe

EVERY_S = 1.0
REPEATED = (
    4  # pulses that tell of a change: of those that come while a browser is busy, Dash keeps only the last
)
WHOLE_EVERY = 30  # pulses: a browser that was busy for longer does not stay behind
HEALTH_EVERY_MS = 5_000
FRONTIER_EVERY_MS = 600_000

Props = dict[tuple[str, str], Any]  # (component id, property) -> value
K = TypeVar("K")


def props(snapshot: Snapshot, universe: Universe, now_ms: int) -> Props:
    """Every live property of the page. Pure, so the first paint and the stream cannot disagree."""
    waiting = waiting_for(snapshot)
    badge = view.feed_badge(snapshot)
    champion, news = snapshot.champion, snapshot.news
    event = news.latest
    live: Props = {
        ("tick", "data"): snapshot.revision,
        ("slow-tick", "data"): slow_revision(snapshot),
        ("news-tick", "data"): f"{slow_revision(snapshot)}.{news.revision}.{news.status}",
        ("health-tick", "data"): now_ms
        // HEALTH_EVERY_MS,  # also when nothing moves: silence is what it shows
        ("frontier-tick", "data"): frontier_revision(snapshot, waiting, now_ms),
        ("waiting", "children"): waiting,
        ("waiting", "className"): "banner" if waiting else "unseen",
        ("feed-badge", "children"): badge,
        ("feed-badge", "className"): f"badge {'simulated' if badge.startswith('SIMULATED') else ''}".strip(),
        ("model-version", "children"): champion.version if champion else "\u2013",
        ("model-since", "data-since"): str(champion.created_ms) if champion else "",
        ("model-reason", "children"): training_words.model_reason(champion.reason) if champion else "",
        ("event-line", "children"): training_words.event_line(event) if event else "none yet.",
        ("event-since", "data-since"): str(event.at_ms) if event else "",
    }
    for name in (*(asset.id for asset in universe.priced), drift_state.EVERYTHING):
        drift, alarm = drift_state.drift_line(name, news)
        live |= {
            (f"drift-{name}", "children"): drift,
            (f"drift-{name}", "className"): "alarm" if alarm else "",
        }
    for asset in universe.asset:
        change, direction = view.change(asset, snapshot)
        live |= {
            (f"price-{asset.id}", "children"): view.price(asset, snapshot),
            (f"change-{asset.id}", "children"): change,
            (f"change-{asset.id}", "className"): f"change {direction}",
            (f"hour-{asset.id}", "children"): view.last_hour(asset, snapshot),
            (f"quiet-{asset.id}", "children"): quiet(asset, snapshot, now_ms),
        }
    return live


def slow_revision(snapshot: Snapshot) -> str:
    """Changes with the record and the model, at most every few seconds; news-tick also with every word of a training."""
    record, champion = snapshot.record, snapshot.champion
    version = champion.version if champion else ""
    return f"{record.revision}.{version}.{record.status}"


def frontier_revision(snapshot: Snapshot, waiting: str, now_ms: int) -> str:
    """Changes with the model, when what was missing is there, and every ten minutes."""
    version = snapshot.champion.version if snapshot.champion else ""
    return f"{version}.{'' if waiting else 'ready'}.{now_ms // FRONTIER_EVERY_MS}"


def beat(snapshot: Snapshot, universe: Universe, now_ms: int) -> dict[str, Any]:
    """What a pulse is made of: the server's clock, the stages, the state of what the panels show, the prices as
    numbers for the sparklines.
    """
    states = {name: asdict(stage) for name, stage in sources(snapshot, universe, now_ms).items()}
    return {
        **pulse(snapshot, universe, now_ms),
        "sources": states,
        "prices": _prices(snapshot, universe),
    }


def changes(new: dict[str, Any], told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The part of a beat that is not in all of those told; assets/pulse.js puts it over what it knows. The clock is
    always in it.
    """
    return {
        "now_ms": new["now_ms"],
        "stages": _moved(new["stages"], [one["stages"] for one in told]),
        "sources": _moved(new["sources"], [one["sources"] for one in told]),
        "prices": changed(new["prices"], [one["prices"] for one in told]),
    }


def _moved(new: dict[str, Any], told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The fields of every stage that are not in all of those told."""
    found = {name: changed(stage, [one.get(name, {}) for one in told]) for name, stage in new.items()}
    return {name: fields for name, fields in found.items() if fields}


def changed(new: Mapping[K, Any], told: Sequence[Mapping[K, Any]]) -> dict[K, Any]:
    """The part of `new` that is not in all of those told; all of it when nothing was.

    A browser may have missed any of them, so a value that went away and came back is told as well.

    >>> changed({"price": 1}, [{"price": 1}, {"price": 2}, {"price": 1}])
    {'price': 1}
    """
    return {
        key: value
        for key, value in new.items()
        if not (told and all(key in one and one[key] == value for one in told))
    }


def trail(poller: Poller) -> dict[str, list[float]]:
    """Recent prices by asset id, oldest first: where the sparklines start."""
    prices = poller.trail()
    return {asset.id: prices[asset.symbol] for asset in poller.universe.asset}


async def follow(socket: Any, poller: Poller) -> None:
    """Send one page what changed, in one message per second, until its socket closes.

    The browser sets the properties itself, so that its Pause switch can hold them back.
    """
    sent: deque[tuple[Props, dict[str, Any]]] = deque(maxlen=REPEATED)
    pulses = 0
    set_props("trail", {"data": trail(poller)})
    VIEWERS.inc()
    try:
        while not socket.is_shutdown:
            snapshot, at = poller.snapshot, now_ms()
            whole = pulses % WHOLE_EVERY == 0 or len(sent) < REPEATED
            told = [] if whole else list(sent)
            pulses += 1
            new, now = props(snapshot, poller.universe, at), beat(snapshot, poller.universe, at)
            found = changed(new, [one for one, _ in told]).items()
            set_props(
                "pulse",
                {
                    "data": {
                        **changes(now, [one for _, one in told]),
                        "set": [[name, prop, value] for (name, prop), value in found],
                    }
                },
            )
            sent.append((new, now))
            READ_AGE_S.set((at - snapshot.taken_ms) / 1000 if snapshot.taken_ms else -1)
            MODEL_AGE_S.set((at - snapshot.champion.created_ms) / 1000 if snapshot.champion else -1)
            await asyncio.sleep(EVERY_S)
    finally:
        VIEWERS.dec()


def _prices(snapshot: Snapshot, universe: Universe) -> dict[str, float]:
    """Prices by asset id, as numbers for the sparklines."""
    found = {}
    for asset in universe.asset:
        row = snapshot.rows.get(asset.symbol)
        value = row.values.get("price") if row else None
        if value is not None:
            found[asset.id] = value
    return found
