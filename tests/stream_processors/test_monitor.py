"""The monitor on a real broker: what it reports, asks for and remembers, through restarts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from kafka import KafkaProducer

from feature_repo.features import spec_hash
from launcher import embedded_broker as tansu
from launcher.create_topics import ensure_topics
from launcher.free_port import LOOPBACK, free_ports
from producers import topics
from producers.kafka_client import client_config
from producers.sessions import nyse, session_number
from producers.settings import Settings
from producers.universe import load_universe
from stream_processors import policy
from stream_processors.messages import Bar
from stream_processors.monitor import LATE_SESSIONS, MonitorService
from tests.services import running, until
from tests.stubs import SESSION
from tests.system import messages

LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95]
Z = np.array([-1.645, -0.674, 0.0, 0.674, 1.645])
SYMBOLS = load_universe().priced[:2]


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A broker with empty topics."""
    port = free_ports(1)[0]
    with running(tansu.command(port), port, tmp_path_factory.mktemp("broker") / "log"):
        found = Settings(kafka_bootstrap_servers=f"{LOOPBACK}:{port}", partitions=2)
        ensure_topics(found)
        yield found


def date_of(session: int) -> int:
    return int(str(nyse().date[session]).replace("-", ""))


class World:
    """Bars and forecasts of two assets at 1 % a session."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.producer = KafkaProducer(**client_config(settings))
        self.rng = np.random.default_rng(4)
        self.price = dict.fromkeys((one.symbol for one in SYMBOLS), 100.0)
        self.session = SESSION

    def send(self, topic: str, key: str, value: Any) -> None:
        self.producer.send(topic, key=key.encode(), value=msgspec.json.encode(value)).get(30)

    def close(self, scale: float, model: str = "m1", assets: int = 2) -> None:
        """A session whose moves are `scale` times what was forecast, and the forecasts of the next."""
        self.session += 1
        for one in SYMBOLS[:assets]:
            price = self.price[one.symbol] * math.exp(scale * 0.01 * self.rng.standard_normal())
            self.price[one.symbol] = price
            date = date_of(self.session)
            self.send(topics.BARS, one.symbol, Bar(one.symbol, date, price, price, price, price, 1, 0, 0))
            forecast = {
                "symbol": one.symbol,
                "session_date": date,
                "price": price,
                "model": model,
                "spec_hash": spec_hash(),
                "horizons": [1],
                "levels": LEVELS,
                "quantiles": [(0.01 * Z).tolist()],
            }
            self.send(topics.FORECASTS, one.symbol, forecast)

    def event(self, kind: str, key: str, final: bool = False) -> None:
        self.send(
            topics.MODEL_EVENTS,
            "allocast",
            {
                "kind": kind,
                "reason": "drift",
                "idempotency_key": key,
                "final": final,
                "version": "",
                "at_ms": 1,
            },
        )

    def reports(self, detector: str | None = None) -> list[Any]:
        return [
            one
            for one in messages(self.settings, topics.DRIFT)
            if (one["detector"] == detector if detector else not one.get("informs"))
        ]

    def transitions(self) -> list[str]:
        return [one["policy"]["reason"] for one in self.reports("policy")]

    def requests(self) -> list[Any]:
        return messages(self.settings, topics.REQUESTS)


def test_drift_is_reported_asked_about_once_and_remembered(settings: Settings) -> None:
    world = World(settings)
    universe = load_universe()
    monitor = MonitorService(settings, universe)
    for _ in range(3):
        world.close(1.0)

    def caught_up(service: MonitorService, session: int) -> None:
        # The client repeats a request whose answer was lost only after 30 s.
        def scored() -> bool:
            service.step()
            return len([one for one in world.reports() if one["session_date"] == date_of(session)]) == 4

        until(scored, f"session {session} is scored", 90)

    caught_up(monitor, world.session)
    assert len(world.reports()) == 2 * 2 * 2  # two assets, two detectors, two outcomes
    assert "model m1 forecasts now" in world.transitions()[-1]
    while not world.requests():
        world.close(4.0)
        caught_up(monitor, world.session)
        assert world.session < SESSION + 120
    (request,) = world.requests()
    (asked,) = [one for one in world.reports() if one["triggers"]]
    assert request["idempotency_key"] == f"drift:{session_number(asked['session_date'])}:m1"
    assert asked["value"] >= asked["threshold"]
    assert asked["bar"].startswith("market.bars[")
    assert asked["forecast"].startswith("forecasts.log[0]@")
    world.event("requested", request["idempotency_key"])
    world.event("rejected", request["idempotency_key"], final=True)
    until(
        lambda: (monitor.step(), "quiet for 42" in world.transitions()[-1])[1], "the rejection is heard", 90
    )
    told, said = world.reports(), world.transitions()

    monitor.close()
    again = MonitorService(settings, universe)
    assert world.reports() == told
    assert world.transitions() == said
    for _ in range(40):  # still as wild, but the policy is quiet
        world.close(4.0)
    caught_up(again, world.session)
    assert len(world.requests()) == 1
    assert "but quiet until session" in " ".join(world.transitions())
    # What was logged leads from each recorded state to the next.
    state = policy.State()
    for record in world.reports("policy"):
        done = policy.step(state, msgspec.convert(record["policy"]["event"], policy.Event))
        state = msgspec.convert(record["policy"]["state"], policy.State)
        assert done.state.name == state.name == record["policy"]["name"]
        assert (done.request.key if done.request else "") == record["policy"]["request"]
    again.close()
    world.producer.close()


def test_an_asset_without_prices_blocks_and_garbage_is_passed_over(settings: Settings) -> None:
    world = World(settings)
    world.send(topics.FORECASTS, "x", {"symbol": "x"})
    world.producer.send(topics.BARS, value=b"\xff\x00").get(30)
    world.producer.send(topics.DRIFT, value=b'{"detector": "x", "asset": 7}').get(30)
    world.producer.send(topics.MODEL_EVENTS, value=json.dumps({"kind": 7}).encode()).get(30)
    world.close(1.0)
    monitor = MonitorService(settings, load_universe())
    for _ in range(LATE_SESSIONS + 2):
        world.close(1.0, assets=1)
    until(lambda: (monitor.step(), any("blocked" in one for one in world.transitions()))[1], "blocked", 30)
    assert f"has no price since {date_of(SESSION + 1)}" in world.transitions()[-1]
    world.close(1.0)
    until(lambda: (monitor.step(), "good again" in world.transitions()[-1])[1], "good again", 30)
    monitor.close()
    world.producer.close()
