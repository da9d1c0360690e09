"""Contract with Feast's own feature server: over HTTP it answers exactly what our writer wrote."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feature_repo.apply import apply
from feature_repo.features import FEATURES
from feature_repo.store import REPO, feast_environment, open_store
from launcher.free_port import LOOPBACK, free_ports
from producers.settings import Settings, load_settings
from tests.asking import ask
from tests.feature_repo.test_stores import online_row, random_rows, write
from tests.services import running

NEVER_WRITTEN = "^GSPC"


@pytest.fixture(scope="module")
def settings(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An applied registry and rows in Redis: warm, warming up, and extreme."""
    given = load_settings(redis_url=redis_server, state_dir=tmp_path_factory.mktemp("feature_server"))
    assert apply(given)
    write(given, *(online_row(row, log="feature server:0") for row in random_rows()))
    return given


@pytest.fixture(scope="module")
def server(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of `feast serve`."""
    port = free_ports(1)[0]
    feast = Path(sys.executable).with_name("feast")
    # Without assertions, as our services run: typeguard would otherwise double the time of the import.
    command = [sys.executable, "-O", str(feast), "-c", str(REPO), "serve", "-h", LOOPBACK, "-p", str(port)]
    with feast_environment(settings):
        environment = dict(os.environ)
    log = tmp_path_factory.mktemp("feast_serve") / "log"
    with running(command, port, log, environment):
        yield f"http://{LOOPBACK}:{port}"


@pytest.fixture(scope="module")
def symbols() -> list[str]:
    return [*(row.symbol for row in random_rows()), NEVER_WRITTEN]


@pytest.fixture(scope="module")
def answered(server: str, symbols: list[str]) -> dict[str, list[Any]]:
    """What the server answers, as columns."""
    body = {"feature_service": "forecast", "entities": {"symbol": symbols}}
    answer = ask(f"{server}/get-online-features", body).json
    names = answer["metadata"]["feature_names"]
    return {name: column["values"] for name, column in zip(names, answer["results"], strict=True)}


def test_every_value_is_what_the_writer_wrote(answered: dict[str, list[Any]]) -> None:
    kinds = set()
    for position, row in enumerate(random_rows()):
        for feature, wrote in zip(FEATURES, online_row(row)[0].values, strict=True):
            found = answered[feature.name][position]
            expected = list(wrote) if feature.dtype == "float64_list" and wrote is not None else wrote
            assert found == expected, (row.symbol, feature.name)
            kinds.add((feature.dtype, expected is None))
    assert {kind for kind, null in kinds if not null} == {"float64", "int64", "string", "float64_list"}
    assert {kind for kind, null in kinds if null} == {"float64", "float64_list"}


def test_what_was_never_written_is_null(answered: dict[str, list[Any]]) -> None:
    assert {name: column[-1] for name, column in answered.items() if name != "symbol"} == dict.fromkeys(
        feature.name for feature in FEATURES
    )


def test_the_server_and_stock_feast_agree(
    answered: dict[str, list[Any]], settings: Settings, symbols: list[str]
) -> None:
    store = open_store(settings)
    stock = store.get_online_features(
        features=store.get_feature_service("forecast"), entity_rows=[{"symbol": symbol} for symbol in symbols]
    ).to_dict()
    assert answered == stock
