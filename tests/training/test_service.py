"""The retraining service on a real broker: a challenger's way to the page, through kills and repeats.

Only the training itself is replaced, by a script that says what a training says.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from kafka import KafkaProducer
from prometheus_client import REGISTRY

from feature_repo.features import WINDOW_CHANNELS, WINDOW_SESSIONS, spec_hash
from launcher import embedded_broker as tansu
from launcher.create_topics import ensure_topics
from launcher.free_port import LOOPBACK, free_ports
from producers import topics
from producers.errors import TryAgain
from producers.kafka_client import client_config
from producers.logs import JsonFormatter
from producers.request import MODEL, TrainingRequest, encode_request
from producers.sessions import nyse
from producers.settings import Settings
from producers.universe import load_universe
from stream_processors.messages import Features
from tests.services import running, until
from tests.stubs import close_ms, row
from tests.system import messages
from tests.training.worlds import SYMBOLS, dataset
from training import artefact, fitting, serving
from training.artefact import CHALLENGER, CHAMPION
from training.events import ModelEvent
from training.runner import Runner
from training.service import Service

FIRST = 10_201  # session after the data that the models are fitted on
SKILL = 0.25
OLD, NEW = "20200101-old", "20200102-new"

SHADOWS = """
import os, sys, msgspec
request = msgspec.json.decode(sys.stdin.buffer.readline())
os.symlink("20200102-new", "{models}/challenger")
open("{models}/trainings", "a").write("x")
print(msgspec.json.encode({{"kind": "shadow", "version": "20200102-new", "reason": "drift", "at_ms": 1,
    "idempotency_key": request["idempotency_key"]}}).decode(), flush=True)
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of its own: other tests' requests would be taken up here."""
    port = free_ports(1)[0]
    with running(tansu.command(port), port, tmp_path_factory.mktemp("broker") / "log"):
        yield f"{LOOPBACK}:{port}"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A champion and a model that answers request `k1`; the new one's data end with the old one's."""
    folder = tmp_path_factory.mktemp("models")
    data = dataset(1_200)
    for version, key in ((OLD, "k0"), (NEW, "k1")):
        staged = artefact.stage(folder, version)
        origin = {"request": key, "replaces": OLD}
        fitting.save(folder, staged, with_skill(fitting.fit_first(data)), data, "drift", "", 0, origin)
    return folder


def with_skill(fitted: fitting.Fitted) -> fitting.Fitted:
    """As if labels had matured, of every other asset."""
    held = {name: np.full_like(value, np.nan) for name, value in fitted.weights.weight.items()}
    for value in held.values():
        value[::2] = SKILL
    weights = dataclasses.replace(fitted.weights, skill=held)
    return dataclasses.replace(fitted, weights=weights)


@pytest.fixture
def settings(broker: str, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    found = Settings(state_dir=tmp_path, kafka_bootstrap_servers=broker, shadow_sessions=3, partitions=2)
    ensure_topics(found)
    found.models_dir.mkdir(parents=True)
    for version in (OLD, NEW):
        (found.models_dir / version).symlink_to(models / version)
    artefact.promote(found.models_dir, OLD)

    def start() -> subprocess.Popen[bytes]:
        script = SHADOWS.format(models=found.models_dir)
        return subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    monkeypatch.setattr(Runner, "_start", staticmethod(start))
    # The registry's folder is not a folder, so whatever is told to it fails soon.
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    monkeypatch.setenv("ALLOCAST_STATE_DIR", str(blocked))
    return found


class Driver:
    """Publishes sessions and turns services over until something is in the log."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.producer = KafkaProducer(**client_config(settings))
        self.rng = np.random.default_rng(1)
        self.price = dict.fromkeys(SYMBOLS, 100.0)
        self.session = FIRST

    def service(self) -> Service:
        made = Service(self.settings, load_universe())
        made.step()
        return made

    def ask(self, key: str, at_ms: int = 1) -> None:
        request = TrainingRequest("drift", key, at_ms)
        self.producer.send(topics.REQUESTS, key=MODEL.encode(), value=encode_request(request)).get(30)

    def close(self, service: Service) -> None:
        """One session of every asset, and the forecasts that follow from it."""
        before = len(self.of(topics.FORECASTS))
        self.publish()
        self.turn(service, lambda: len(self.of(topics.FORECASTS)) >= before + len(SYMBOLS), "forecasts")

    def publish(self) -> None:
        """The final rows of a session."""
        for symbol in SYMBOLS:
            self.price[symbol] *= float(np.exp(0.01 * self.rng.standard_normal()))
            values = row(symbol, values={"price": self.price[symbol]}).values
            message = Features(
                symbol=symbol,
                event_ms=close_ms(self.session),
                seen_ms=close_ms(self.session),
                session_date=int(str(nyse().date[self.session]).replace("-", "")),
                n_sessions=1_000,
                is_warm=1,
                feed="csv",
                spec_hash=spec_hash(),
                values=values,
                window=[0.0] * (WINDOW_SESSIONS * WINDOW_CHANNELS),
                final=True,
                session_close_ms=close_ms(self.session),
                source_offset=self.session,
            )
            self.producer.send(topics.FEATURES, key=symbol.encode(), value=msgspec.json.encode(message)).get(
                30
            )
        self.session += 1

    def turn(self, service: Service, condition: Callable[[], object], what: str) -> None:
        def turned() -> object:
            service.step()
            return condition()

        until(turned, what, 60)

    def of(self, topic: str) -> list[Any]:
        return messages(self.settings, topic)

    def kinds(self, key: str) -> list[str]:
        return [one["kind"] for one in self.of(topics.MODEL_EVENTS) if one["idempotency_key"] == key]


def test_a_shadow_survives_a_kill_and_its_model_is_promoted_once(settings: Settings) -> None:
    driver = Driver(settings)
    first = driver.service()
    driver.ask("k1")
    driver.turn(first, lambda: driver.kinds("k1") == ["requested", "shadow"], "the shadow begins")
    driver.close(first)
    driver.close(first)
    roles = {(one["role"], one["model"]) for one in driver.of(topics.FORECASTS)}
    assert roles == {("champion", OLD), ("challenger", NEW)}
    weight, skill = (
        REGISTRY.get_sample_value(f"allocast_member_{one}_ratio", {"member": "har"})
        for one in ("weight", "skill")
    )
    assert (weight, skill) == (0.5, SKILL), "assets without matured labels do not count"
    first.close()

    second = driver.service()
    for _ in range(3):
        driver.close(second)
    assert artefact.champion_version(settings.models_dir) in (OLD, NEW)
    driver.turn(second, lambda: driver.kinds("k1")[-1:] == ["promoted"], "the verdict is in the log")
    assert driver.kinds("k1") == ["requested", "shadow", "promoted"]
    assert (settings.models_dir / "trainings").read_text() == "x"
    assert artefact.champion_version(settings.models_dir) == NEW
    assert artefact.pointed(settings.models_dir, CHALLENGER) is None
    final = driver.of(topics.MODEL_EVENTS)[-1]
    assert final["final"]
    assert "the registry was not told" in final["detail"]
    assert final["report"]["sessions"] == 3

    driver.ask("k1")  # asked for again
    driver.ask("k2")
    driver.turn(second, lambda: "requested" in driver.kinds("k2"), "the next request is taken up")
    assert driver.kinds("k1") == ["requested", "shadow", "promoted"]
    driver.close(second)
    newest = int(nyse().yyyymmdd[driver.session - 1])

    def of_newest() -> list[tuple[str, str]]:
        found = [one for one in driver.of(topics.FORECASTS) if one["session_date"] == newest]
        return [(one["role"], one["model"]) for one in found]

    driver.turn(second, lambda: len(of_newest()) == 2 * len(SYMBOLS), "both models forecast")
    assert set(of_newest()) == {(CHAMPION, NEW), ("previous", OLD)}
    second.close()
    driver.producer.close()


def test_a_move_that_somebody_began_is_brought_to_its_end(settings: Settings) -> None:
    artefact.promote(settings.models_dir, NEW)
    move = serving.by_hand(settings.models_dir, OLD, None, "rolled_back", "by hand")
    serving.begin(settings.models_dir, move).wait()  # and killed before the log was told
    driver = Driver(settings)
    said = len(driver.of(topics.MODEL_EVENTS))
    service = driver.service()
    driver.turn(service, lambda: not (settings.models_dir / serving.NOTE).exists(), "the move is ended")
    service.close()
    after = driver.service()
    after.step()
    after.close()
    (told,) = driver.of(topics.MODEL_EVENTS)[said:]
    assert (told["kind"], told["version"], told["replaced"]) == ("rolled_back", OLD, NEW)
    assert told["final"]
    assert artefact.champion_version(settings.models_dir) == OLD
    driver.producer.close()


def test_nobody_moves_while_another_does(settings: Settings) -> None:
    move = serving.by_hand(settings.models_dir, NEW, None, "promoted", "by hand")
    driver = Driver(settings)
    with serving.alone(settings.models_dir):
        with pytest.raises(TryAgain, match="under way"), serving.alone(settings.models_dir, patience_s=0):
            pass
        serving.begin(settings.models_dir, move).wait()
        service = driver.service()
        for _ in range(5):
            service.step()
        assert serving.pending(settings.models_dir) == move
    driver.turn(service, lambda: serving.pending(settings.models_dir) is None, "the move is ended")
    service.close()
    driver.producer.close()


def test_a_failed_training_is_not_repeated_until_it_is_asked_for_again(settings: Settings) -> None:
    driver = Driver(settings)
    failed = ModelEvent("failed", "", "drift", 100, "out of memory", "k9", final=True)
    driver.producer.send(topics.MODEL_EVENTS, key=MODEL.encode(), value=msgspec.json.encode(failed)).get(30)
    driver.ask("k9", at_ms=99)  # delivered again, after the group's offsets were lost
    service = driver.service()
    driver.ask("k8")
    driver.turn(service, lambda: "requested" in driver.kinds("k8"), "the next request is taken up")
    assert driver.kinds("k9") == ["failed"]
    driver.turn(service, lambda: "shadow" in driver.kinds("k8"), "it is answered")
    (settings.models_dir / CHALLENGER).unlink()  # the script makes it
    driver.ask("k9", at_ms=101)
    driver.turn(service, lambda: "requested" in driver.kinds("k9"), "it is asked for again")
    service.close()
    driver.producer.close()


def test_sessions_that_closed_while_no_service_ran_are_forecast_and_none_twice(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="training")
    driver = Driver(settings)
    driver.session = FIRST + 20
    first = driver.service()
    driver.close(first)
    first.close()
    driver.publish()
    missed = driver.session - 1
    before = len(driver.of(topics.FORECASTS))
    second = driver.service()
    driver.session -= 1
    driver.publish()  # the same session: a worker that took over sends its rows again
    driver.close(second)
    found = driver.of(topics.FORECASTS)[before:]
    wanted = [int(nyse().yyyymmdd[one]) for one in (missed, missed + 1)]
    assert sorted((one["session_date"], one["symbol"]) for one in found) == sorted(
        (date, symbol) for date in wanted for symbol in SYMBOLS
    )
    second.close()
    said = [json.loads(JsonFormatter("training").format(one)) for one in caplog.records]
    assert {one["source"] for one in found} <= {line.get("id") for line in said}
    driver.producer.close()
