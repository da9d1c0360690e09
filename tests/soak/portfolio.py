"""The services beside the workers: a producer of its own five assets, and what forecasts, watches and shows them.

The load is another producer of the same market, with 500 symbols of its own: as docs/scale.md says, the universe is
split between producers, and workers know all of it. Monitor, training and page are there for a portfolio, so their
universe is the five assets: alarms share one budget among the assets of the monitor's universe, and a page has a
field for each.
"""

from __future__ import annotations

from launcher import plan
from producers import metrics
from producers.universe import DEFAULT_FILE
from tests.asking import ask
from tests.chaos.cluster import Cluster

FEED = "simulated"
SESSIONS_PER_S, TICKS_PER_S = 0.05, 50.0  # 20 s a session: it is longer than a restart
SERVICES = (*(name for name in metrics.SERVICES if name != "worker"), "dashboard")
QUESTION = {
    "amount": 10_000,
    "weights": {"gold": 40, "nasdaq": 30, "bitcoin": 20, "cash": 10},
    "horizon": "6m",
}


def options(minutes: float) -> plan.Options:
    """Of `allocast up`, so that the replay lasts twice as long as the soak: a market that has caught up may be closed."""
    sessions = 60 + int(2 * 60 * minutes * SESSIONS_PER_S)
    return plan.Options(feed=FEED, speed=SESSIONS_PER_S, replay=sessions, ticks=TICKS_PER_S, port=0)


def start(cluster: Cluster) -> None:
    """Start every service but the workers."""
    for name in SERVICES:
        ready = (lambda: page_forecasts(cluster.url)) if name == "dashboard" else None
        cluster.add_service(name, DEFAULT_FILE, ready)


def page_forecasts(url: str) -> bool:
    """Whether the page is there and answers what an allocation may bring."""
    try:
        return ask(f"{url}/healthz", timeout_s=2).status == 200 == ask(f"{url}/api/forecast", QUESTION).status
    except OSError:
        return False
