"""What every open page is sent: the live properties of one snapshot, and the loop that sends what changed."""

from __future__ import annotations

import asyncio
from typing import Any

from dash import set_props

from dashboard import model_view, view
from dashboard.freshness import pulse, waiting_for
from dashboard.live import Poller, Snapshot, now_ms
from producers.universe import Universe

EVERY_S = 1.0

Props = dict[tuple[str, str], Any]  # (component id, property) -> value


def props(snapshot: Snapshot, universe: Universe, now_ms: int) -> Props:
    """Every live property of the page. Pure, so the first paint and the stream cannot disagree."""
    waiting = waiting_for(snapshot)
    badge = view.feed_badge(snapshot)
    champion, news = snapshot.champion, snapshot.news
    event = news.events[-1] if news.events else None
    live: Props = {
        ("pulse", "data"): {**pulse(snapshot, universe, now_ms), "prices": _prices(snapshot, universe)},
        ("tick", "data"): snapshot.revision,
        ("waiting", "children"): waiting,
        ("waiting", "className"): "banner" if waiting else "unseen",
        ("feed-badge", "children"): badge,
        ("feed-badge", "className"): f"badge {'simulated' if badge.startswith('SIMULATED') else ''}".strip(),
        ("model-version", "children"): champion.version if champion else "\u2013",
        ("model-since", "data-since"): str(champion.created_ms) if champion else "",
        ("model-reason", "children"): model_view.model_reason(champion.reason) if champion else "",
        ("event-line", "children"): model_view.event_line(event) if event else "none yet.",
        ("event-since", "data-since"): str(event.at_ms) if event else "",
        ("news-status", "children"): news.status,
    }
    for asset in universe.priced:
        drift, alarm = model_view.drift_line(asset, news)
        live |= {
            (f"drift-{asset.id}", "children"): drift,
            (f"drift-{asset.id}", "className"): "alarm" if alarm else "",
        }
    for asset in universe.asset:
        change, direction = view.change(asset, snapshot)
        live |= {
            (f"price-{asset.id}", "children"): view.price(asset, snapshot),
            (f"change-{asset.id}", "children"): change,
            (f"change-{asset.id}", "className"): f"change {direction}",
        }
    return live


def changed(new: Props, old: Props) -> Props:
    """The part of `new` that `old` does not have yet."""
    return {key: value for key, value in new.items() if key not in old or old[key] != value}


def trail(poller: Poller) -> dict[str, list[float]]:
    """Recent prices by asset id, oldest first: where the sparklines start."""
    prices = poller.trail()
    return {asset.id: prices[asset.symbol] for asset in poller.universe.asset}


async def follow(socket: Any, poller: Poller) -> None:
    """Send one page what changed, once per second, until its socket closes."""
    sent: Props = {}
    set_props("trail", {"data": trail(poller)})
    while not socket.is_shutdown:
        new = props(poller.snapshot, poller.universe, now_ms())
        for (component, prop), value in changed(new, sent).items():
            set_props(component, {prop: value})
        sent = new
        await asyncio.sleep(EVERY_S)


def _prices(snapshot: Snapshot, universe: Universe) -> dict[str, float]:
    """Prices by asset id, as numbers for the sparklines."""
    found = {}
    for asset in universe.asset:
        row = snapshot.rows.get(asset.symbol)
        value = row.values.get("price") if row else None
        if value is not None:
            found[asset.id] = value
    return found
