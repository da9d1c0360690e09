"""The whole loop, as its users see it, on the embedded services and on Apache Kafka with Debian's Redis.

A market is simulated and crashes: prices travel through Kafka, Faust, Feast and Redis into a forecast; the
LSTM joins; the drift monitor notices the crash and a retrained model reaches the open page. Then a worker is
killed, garbage is sent, and Ctrl-C leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from feature_repo.online import FeastReader
from feature_repo.store import open_store
from launcher.run_file import read
from producers import topics
from producers.errors import TryAgain
from producers.kafka_client import client_config
from producers.logs import PLACE
from producers.reference import CPI
from producers.tick import partition_of
from producers.universe import load_universe
from tests.asking import ask
from tests.browser import Tab
from tests.services import kafka_jars, until
from tests.system import System, messages, records, system

ALLOCATION = ["--amount", "10000", "--weights", "gold=40,nasdaq=30,bitcoin=20,cash=10", "--horizon", "6m"]
# Slowly, so that the LSTM serves before the crash on a busy machine, too; and more sessions than the story lasts: a
# market that has caught up with the clock may be closed.
FEED = ["--feed", "simulated", "--shock", "--speed", "0.25", "--replay", "600"]

pytestmark = [pytest.mark.timeout(1100)]


@pytest.fixture(scope="module", params=["embedded", "apache"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One run for all steps below; they are in the order of the story."""
    if request.param == "apache":
        kafka_jars()
        if shutil.which("redis-server") is None and os.environ.get("CI") != "true":
            pytest.skip("redis-server is not installed (apt-get install redis-server)")
        assert shutil.which("redis-server")
    folder = tmp_path_factory.mktemp(f"loop-{request.param}")
    with system(folder, "--broker", request.param, *FEED) as started:
        yield started


def events(running: System, kind: str) -> list[Any]:
    return [one for one in messages(running.settings, topics.MODEL_EVENTS) if one["kind"] == kind]


def history_frames(running: System) -> int:
    """Frames of backfill in the log."""
    return sum(b'"history":true' in record.value for record in records(running.settings, topics.TICKS))


def serving(running: System) -> str | None:
    link = running.folder / "models" / "champion"
    return link.readlink().name if link.is_symlink() else None


def test_a_forecast_exists_before_the_first_lstm_is_trained(running: System) -> None:
    until(lambda: serving(running) or running.process.poll() is not None, "a first model", 240)
    assert running.process.poll() is None, running.log.read_text()
    answer = running.json("forecast", *ALLOCATION)
    assert answer["horizon_sessions"] == 126
    assert answer["amount"] == 10_000
    real = answer["real"]
    assert real["p05"] < real["p25"] < real["median"] < real["p75"] < real["p95"]
    assert -10_000 < real["p05"] < 0 < real["p95"] < 30_000
    assert 0.05 < real["prob_loss"] < 0.95
    assert set(answer["assets"]) == {"gold", "nasdaq", "sp500", "bitcoin", "cash"}
    first = events(running, "promoted")[0]
    assert "GARCH and the LSTM follow" in first["detail"]


def test_a_wrong_question_is_refused_with_exit_code_2(running: System) -> None:
    done = running.ask("forecast", "--amount", "1", "--weights", "gold=50", "--horizon", "6m")
    assert done.returncode == 2
    assert "sum to 50; add 50" in done.stderr
    assert "Traceback" not in done.stderr


def test_stock_feast_reads_what_the_stream_wrote(running: System) -> None:
    universe = load_universe()
    rows = FeastReader(running.settings).read(universe.symbols)
    assert set(rows) == set(universe.symbols)
    assert all(row.is_warm and row.feed == "simulated" and row.window is not None for row in rows.values())
    last = {one["symbol"]: one for one in messages(running.settings, topics.FEATURES)}
    assert set(last) - {CPI.symbol} == set(universe.symbols)
    bars = messages(running.settings, topics.BARS)
    assert len({(bar["symbol"], bar["session_date"]) for bar in bars}) == len(bars)


def test_a_tick_can_be_followed_to_the_forecasts_that_knew_it(running: System) -> None:
    """From the log of ticks by its place to the feature row, the logged forecast and the answer that a viewer gets."""
    settings = running.settings

    def of_gold() -> list[Any]:
        return [one for one in messages(settings, topics.FORECASTS) if one["symbol"] == "GC=F"]

    until(of_gold, "forecasts of gold in their log", 120, every_s=1.0)
    logged = of_gold()  # before the rows and ticks that they were made from are read
    frames = {(one.partition, one.offset): json.loads(one.value) for one in records(settings, topics.TICKS)}
    rows = {
        (one.partition, value["source_offset"], value["symbol"], value["session_date"])
        for one in records(settings, topics.FEATURES)
        if (value := json.loads(one.value)).get("final")
    }
    for one in logged:
        found = PLACE.fullmatch(one["source"])
        assert found is not None
        place = int(found[2]), int(found[3])
        assert found[1] == topics.TICKS
        assert "GC=F" in frames[place]["symbols"]
        assert (*place, "GC=F", one["session_date"]) in rows
    asked = {"amount": 100, "weights": {"gold": 60, "cash": 40}, "horizon": "3m"}
    inputs = ask(f"{running.run.url.rstrip('/')}/api/forecast", asked).json["inputs"]
    frames = {(one.partition, one.offset): json.loads(one.value) for one in records(settings, topics.TICKS)}
    for asset in load_universe().asset:
        known = frames[partition_of(asset.symbol, settings.partitions), inputs[asset.id]["source_offset"]]
        assert asset.symbol in known["symbols"]


def test_training_sets_come_from_the_offline_store(running: System) -> None:
    import pandas as pd

    bars = [bar for bar in messages(running.settings, topics.BARS) if bar["symbol"] == "GC=F"][-100:]
    times = pd.to_datetime([bar["session_close_ms"] for bar in bars], unit="ms", utc=True)
    store = open_store(running.settings)
    frame = store.get_historical_features(
        entity_df=pd.DataFrame({"symbol": "GC=F", "event_timestamp": times}),
        features=store.get_feature_service("forecast"),
    ).to_df()
    assert frame.sort_values("event_timestamp")["price"].tolist() == [bar["close"] for bar in bars]


def open_page(running: System, tab: Tab) -> Page:
    page = tab.open(running.run.url)
    expect(page.locator("#profit-median")).to_contain_text(r"", timeout=30_000)
    return page


def test_on_the_page_prices_move_and_a_changed_weight_changes_the_figure(running: System, tab: Tab) -> None:
    page = open_page(running, tab)
    price, median = page.locator("#price-bitcoin"), page.locator("#profit-median")
    expect(median).not_to_have_text("", timeout=30_000)
    before = price.inner_text()
    expect(price).not_to_have_text(before, timeout=30_000)
    page.get_by_role("button", name="All deposit").click()
    expect(page.locator("#prob-beat-deposit")).not_to_contain_text("%")
    deposit = median.inner_text()
    page.get_by_role("button", name="Equal parts").click()
    expect(median).not_to_have_text(deposit)
    assert tab.errors == []


def test_the_lstm_joins_and_the_crash_brings_a_retrained_model_to_the_open_page(
    running: System, tab: Tab
) -> None:
    page = open_page(running, tab)

    def ended(reason: str) -> list[Any]:
        kinds = ("promoted", "rejected", "failed")
        finals = [one for kind in kinds for one in events(running, kind) if one.get("final")]
        return [one for one in finals if one["reason"] == reason]

    until(lambda: ended("history"), "the first LSTM is trained", 400)
    assert ended("history")[0]["kind"] == "promoted", ended("history")
    lstm = ended("history")[0]["version"]
    assert running.json("forecast", *ALLOCATION)["model"]["members"].keys() == {
        "climatology",
        "garch_fhs",
        "har",
        "lstm",
    }

    until(lambda: ended("drift"), "the crash has led to a retraining", 600)
    reports = [one for one in messages(running.settings, topics.DRIFT) if one["triggers"]]
    assert reports
    assert reports[0]["value"] >= reports[0]["threshold"]
    final = ended("drift")[0]
    # By chance one challenger in twenty that is as good does worse in its shadow, and is not promoted.
    assert final["kind"] in ("promoted", "rejected"), final
    assert final["version"] != lstm
    assert [one["version"] for one in events(running, "shadow")] == [final["version"]]
    assert final["report"]["sessions"] >= 8
    assert serving(running) == (final["version"] if final["kind"] == "promoted" else lstm)
    shown = running.ask("models", "show", final["version"], "--replay", "--json")
    chain = json.loads(shown.stdout)
    again = {one["part"]: one["same"] for one in chain["replay"]}
    # Assets of one session are scored as they arrive, in the replay by symbol: after a reset that may differ.
    assert again.keys() == {"gate", "monitor", "policy", "shadow"}
    assert again["gate"]
    assert again["policy"]
    assert again["shadow"]
    assert chain["alarm"]["value"] >= chain["alarm"]["threshold"]
    expect(page.locator("#model-version")).to_have_text(serving(running) or "", timeout=10_000)
    recorded = {one["version"]: one for one in running.json("models", "list")["models"]}
    assert [version for version, one in recorded.items() if one["serving"]] == [serving(running)]
    assert recorded[serving(running) or ""]["aliases"] == ["champion"]
    assert recorded.keys() >= {lstm, final["version"]}


def test_a_damaged_champion_is_refused_and_the_page_goes_on(running: System, tab: Tab) -> None:
    from training.artefact import promote

    page = open_page(running, tab)
    models = running.folder / "models"
    log = running.folder / "logs" / "dashboard.log"
    with running.standing_still("training"):  # a job that ends now would replace the damaged model
        good = serving(running)
        assert good
        shutil.copytree(models / good, models / "damaged")
        (models / "damaged" / "arrays.npz").write_bytes(b"cut short")
        promote(models, "damaged")
        until(lambda: "model damaged refused" in log.read_text(), "the page refuses the damaged model", 90)
        expect(page.locator("#model-version")).to_have_text(good)
        done = running.ask("forecast", *ALLOCATION)
        promote(models, good)
    assert done.returncode in (1, 2)
    assert "altered or cut short" in done.stderr


def test_garbage_is_dead_lettered_and_the_stream_goes_on(running: System) -> None:
    from kafka import KafkaProducer

    before = FeastReader(running.settings).read(["BTC-USD"])["BTC-USD"].event_ms
    producer = KafkaProducer(**client_config(running.settings))
    for value in (b"\x00garbage", b'{"source": "x"}'):
        producer.send(topics.TICKS, value=value, partition=0).get(30)
    producer.close()

    def dead() -> list[bytes]:
        found = records(running.settings, topics.DEAD)
        return [
            dict(record.headers)["reason"] for record in found if dict(record.headers)["kind"] == b"frame"
        ]

    until(lambda: sorted(dead()) == [b"bad_shape", b"not_json"], "both records are dead letters")
    reader = FeastReader(running.settings)
    until(lambda: reader.read(["BTC-USD"])["BTC-USD"].event_ms > before, "prices go on", 90)

    listed = running.json("dlq", "list", "--reason", "not_json")["dead_letters"]
    assert [one["value"] for one in listed] == ["\x00garbage"]
    offset = str(listed[0]["offset"])
    assert running.json("dlq", "show", offset)["source"].startswith("market.ticks[0]@")
    assert running.json("dlq", "replay", offset) == {"replayed": 1}
    until(lambda: dead().count(b"not_json") == 2, "what is still wrong is a dead letter again")
    missing = running.ask("dlq", "replay", "999999")
    assert missing.returncode == 2
    assert "no dead letter at offset 999999" in missing.stderr


def test_a_killed_worker_is_restarted_and_loses_nothing(running: System) -> None:
    reader = FeastReader(running.settings)
    bars = len(messages(running.settings, topics.BARS))
    first = running.pid("worker")
    os.kill(first, signal.SIGKILL)
    at = reader.read(["BTC-USD"])["BTC-USD"].event_ms
    until(lambda: reader.read(["BTC-USD"])["BTC-USD"].event_ms > at + 60_000, "features are fresh again", 90)
    assert running.pid("worker") != first
    until(lambda: len(messages(running.settings, topics.BARS)) > bars, "sessions close again", 60)
    ours = set(load_universe().symbols)
    keys = [
        (one["symbol"], one["session_date"])
        for one in messages(running.settings, topics.BARS)
        if one["symbol"] in ours
    ]
    everyday = sorted({date for _, date in keys})
    for asset in load_universe().asset:
        dates = sorted({date for symbol, date in keys if symbol == asset.symbol})
        assert dates == everyday[: len(dates)], asset.id  # no session is missing
        assert len(dates) >= len(everyday) - 2  # the newest may still be on its way
    live = [one for one in records(running.settings, topics.DEAD) if dict(one.headers)["reason"] == b"late"]
    assert live == []


def test_after_all_this_the_online_rows_equal_a_clean_replay(running: System) -> None:
    verdicts: list[Any] = []

    def verdict_given() -> bool:
        # Just after a kill the stores may not answer; that is said on standard error, without a verdict.
        done = running.ask("verify", "parity", "--json")
        if done.stdout:
            verdicts.append(json.loads(done.stdout))
        else:
            print(done.stderr)  # noqa: T201  # pytest shows it when no verdict comes
        return bool(verdicts)

    until(verdict_given, "a verdict on parity", 120)
    assert verdicts[0]["equal"], verdicts[0]
    compared = {one["symbol"] for one in verdicts[0]["symbols"]}
    assert compared > set(load_universe().symbols)  # and consumer prices


@pytest.mark.parametrize("service", ["redis", "broker"])
def test_a_killed_store_or_broker_comes_back_and_prices_go_on(running: System, service: str) -> None:
    reader = FeastReader(running.settings)
    killed = running.pid(service)
    os.kill(killed, signal.SIGKILL)
    killed_ms = time.time() * 1000

    def fresh() -> bool:
        try:
            row = reader.read(["BTC-USD"]).get("BTC-USD")
        except TryAgain:
            return False
        # Without its log the embedded broker starts over; what matters is that new ticks are read.
        return row is not None and row.seen_ms > killed_ms and row.is_warm

    until(fresh, f"features are fresh after {service} was killed", 150)
    assert running.pid(service) != killed
    # When all is rebuilt from an earlier day, the old model is refused until its successor is fitted.
    until(lambda: running.ask("forecast", *ALLOCATION).returncode == 0, "a forecast is given again", 90)


def test_ctrl_c_leaves_nothing_and_a_durable_broker_goes_on_where_it_stopped(running: System) -> None:
    durable = running.run.broker == "apache"
    history = history_frames(running)
    trained = {one["version"] for one in events(running, "promoted")}
    running.stop()
    if not durable:
        return
    version = serving(running)
    with system(running.folder, "--broker", "apache", *FEED) as again:
        until(lambda: (found := read(again.folder)) and found.pid == again.process.pid, "it runs again", 60)
        reader: FeastReader | None = None

        def fresh() -> bool:
            nonlocal reader
            reader = reader or FeastReader(again.settings)
            try:
                row = reader.read(["BTC-USD"]).get("BTC-USD")
            except TryAgain:
                return False
            return row is not None and row.seen_ms > again.run.started_ms

        until(fresh, "new prices arrive", 150)
        assert history_frames(again) == history
        # A drift alarm may have brought another model since; nothing was trained because of the restart.
        since = [one for one in events(again, "promoted") if one["version"] not in trained]
        assert serving(again) in {version, *(one["version"] for one in since)}
        assert {one["reason"] for one in since} <= {"drift"}
        assert not [r for r in records(again.settings, topics.DEAD) if dict(r.headers)["reason"] == b"late"]
        again.stop()
