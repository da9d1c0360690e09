"""`allocast backfill`: histories from Yahoo into the state folder; the producer that owns the log publishes them.

Why it does not publish itself: a history is many records, and a live tick between two of them would make the rest
come too late. One process writes a symbol.
"""

from __future__ import annotations

import time
from typing import Any

from launcher import run_file
from producers.errors import FixAndRestart, TryAgain
from producers.feed_health import newest_report
from producers.settings import Settings
from producers.universe import load_universe, where

PUBLISHED_S = 120.0


def run(settings: Settings) -> dict[str, Any]:
    """Fetch all histories. `symbols`: closes, new, revised and hash of each; `published`: whether a producer has them.

    Raises FixAndRestart when Yahoo does not know a symbol, naming its line.
    """
    from producers.history_store import HistoryStore
    from producers.yahoo_client import NoSuchSymbol, YahooClient, now_ms

    universe = load_universe(settings.universe_file)
    folder = settings.state_dir / "yahoo"
    store, client = HistoryStore(folder / "histories"), YahooClient(folder / "yfinance")
    symbols: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for asset in universe.asset:
        held = store.read(asset.symbol)
        try:
            latest = client.history(asset, now_ms())
        except NoSuchSymbol as error:
            if held is None:
                raise FixAndRestart(f"{where(asset.symbol, settings.universe_file)}: {error}") from error
            failed[asset.symbol] = str(error)
            continue
        except TryAgain as error:
            failed[asset.symbol] = str(error)
            continue
        revised = 0
        if held is not None:
            latest, revised = held.merged(latest)
        if held is None or held.hash != latest.hash:
            store.write(latest)
        symbols[asset.symbol] = {
            "closes": len(latest.price),
            "new": len(latest.price) - (0 if held is None else len(held.price)),
            "revised": revised,
            "hash": latest.hash,
        }
    running = run_file.is_held(settings.state_dir)
    return {
        "symbols": symbols,
        "failed": failed,
        "version": store.version(),
        "running": running,
        "published": running and _published(settings, store.version()),
    }


def _published(settings: Settings, version: str) -> bool:
    """Wait until the running producer of Yahoo's prices has taken over this version; False for another feed."""
    deadline = time.monotonic() + PUBLISHED_S
    while time.monotonic() < deadline:
        report = newest_report(settings)
        if report is None or report.feed != "yahoo":
            return False
        if report.history_version == version:
            return True
        time.sleep(0.5)
    return False


def lines(found: dict[str, Any]) -> list[str]:
    """The same for people."""
    out = [f"{'symbol':<12} {'closes':>7} {'new':>7} {'revised':>7}  hash"]
    for symbol, one in found["symbols"].items():
        out.append(f"{symbol:<12} {one['closes']:>7} {one['new']:>7} {one['revised']:>7}  {one['hash']}")
    out += [f"{symbol}: {why}" for symbol, why in found["failed"].items()]
    if found["published"]:
        return [*out, "published"]
    return [*out, "will be published when `allocast up --feed yahoo` runs"]
