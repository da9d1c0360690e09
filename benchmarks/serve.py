"""What a page waits for: reading rows online, and answering a changed allocation on all scenarios."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from itertools import count as count_up
from itertools import cycle
from typing import Any

import msgspec
import numpy as np

from benchmarks.machine import percentiles
from benchmarks.market import SESSION, history, symbols_of
from benchmarks.saying import say
from benchmarks.services import services
from benchmarks.warm import owned
from feature_repo.features import FEATURES
from feature_repo.online import FeastReader, FeatureRow
from feature_repo.store import load_config
from producers.sessions import nyse
from producers.settings import Settings
from producers.universe import Universe, load_universe
from stream_processors.partition import Partition
from stream_processors.sinks import offline_writer
from training import artefact, fitting
from training.answer import ask
from training.answering import answer
from training.champion import Champion
from training.dataset import load_dataset

COUNTS = (1, 10, 100)
MODEL_ASSETS = 5  # as in the universe that ships with Allocast
MODEL_SESSIONS = 2_500
SHORT = 260


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `allocast bench serve`."""
    parser.add_argument("--repeat", type=int, default=300, help="of each measurement [default: %(default)s]")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """p50_ms and p95_ms at the top are of reading all assets and answering a changed allocation."""
    with services(max(COUNTS)) as settings:
        return measure(settings, options.repeat)


def measure(settings: Settings, repeat: int) -> dict[str, Any]:
    """Reads through Feast and raw, then answers."""
    universe = load_universe(settings.universe_file)
    fill(settings, universe)
    reader, raw = FeastReader(settings), raw_reader(settings)
    reads = {}
    for count in COUNTS:
        names = symbols_of(count)
        reads[str(count)] = {
            "feast": times(partial(reader.read, names), repeat),
            "raw_hmget": times(partial(raw, names), repeat),
        }
    say("reads measured")
    held = Universe(universe.asset[:MODEL_ASSETS])
    champion = first_model(settings, held)
    questions = cycle(allocations(held, 100))
    rows = reader.read(held.symbols)
    moved = count_up(1)

    def answered(rows: dict[str, FeatureRow]) -> int:
        return answer(next(questions), champion, rows, now_ms(), held).scenarios

    def after_a_tick() -> int:
        by = next(moved)
        newer = {name: msgspec.structs.replace(row, event_ms=row.event_ms + by) for name, row in rows.items()}
        return answered(newer)

    def whole() -> int:
        read, by = reader.read(held.symbols), next(moved)
        return answered(
            {name: msgspec.structs.replace(row, event_ms=row.event_ms + by) for name, row in read.items()}
        )

    whole_times = times(whole, repeat)
    return {
        **whole_times,
        "assets": MODEL_ASSETS,
        "scenarios": answered(rows),
        "members": list(champion.manifest.members),  # those of a first start: the LSTM adds its network
        "answer_after_a_tick": times(after_a_tick, repeat),
        "answer_changed_weights_only": times(lambda: answered(rows), repeat),
        "read": reads,
    }


def fill(settings: Settings, universe: Universe) -> None:
    """Rows online for every asset, and years of final rows offline for those that the model covers."""
    from feature_repo.online_store import FencedRedisOnlineStore

    store, config = FencedRedisOnlineStore(), load_config(settings)
    write_offline = offline_writer(settings.offline_dir)
    modelled = set(universe.symbols[:MODEL_ASSETS])
    for number, symbols in owned(universe.symbols, settings.partitions).items():
        partition = Partition(number, f"bench:{number}", universe, nyse())
        finals = []
        for symbol in symbols:
            length = MODEL_SESSIONS if symbol in modelled else SHORT
            (frame,) = history([symbol], SESSION, now_ms(), length)
            outcome = partition.apply(frame, 0)
            finals += outcome.finals if symbol in modelled else []
        store.write_rows(config, [partition.online_rows(partition.dirty)])
        if finals:
            write_offline(number, finals)


def first_model(settings: Settings, universe: Universe) -> Champion:
    """The model that is there seconds after a first start."""
    dataset = load_dataset(settings, universe)
    staged = artefact.stage(settings.models_dir, "v1")
    fitting.save(settings.models_dir, staged, fitting.fit_first(dataset), dataset, "bench", "", now_ms())
    return Champion(settings.models_dir / "v1")


def allocations(universe: Universe, n: int) -> list[Any]:
    """Different questions about the same assets."""
    rng = np.random.default_rng(1)
    asked = []
    for _ in range(n):
        parts = np.round(100 * rng.dirichlet(np.ones(len(universe.asset))), 2)
        parts[0] = round(100 - parts[1:].sum(), 2)
        weights = {asset.id: float(part) for asset, part in zip(universe.asset, parts, strict=True)}
        asked.append(ask(10_000, weights, "6m", universe))
    return asked


def raw_reader(settings: Settings) -> Callable[[list[str]], list[Any]]:
    """The same bytes by HMGET in one pipeline, without Feast: keys, names and values stay as they are."""
    import redis
    from feast.infra.online_stores.helpers import _mmh3, _redis_key
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    client = redis.Redis.from_url(settings.redis_url.get_secret_value())
    config = load_config(settings)
    fields = [*(_mmh3(f"asset_features:{feature.name}") for feature in FEATURES), "_ts:asset_features"]

    def key(symbol: str) -> bytes:
        entity = EntityKey(join_keys=["symbol"], entity_values=[Value(string_val=symbol)])
        found: bytes = _redis_key(config.project, entity, config.entity_key_serialization_version)
        return found

    def read(symbols: list[str]) -> list[Any]:
        with client.pipeline(transaction=False) as pipe:
            for symbol in symbols:
                pipe.hmget(key(symbol), fields)  # type: ignore[arg-type]  # redis takes bytes as well
            return list(pipe.execute())

    return read


def times(work: Callable[[], object], repeat: int) -> dict[str, float]:
    """p50_ms, p95_ms and p99_ms of doing it again and again; the first three times do not count."""
    taken = []
    for _ in range(repeat + 3):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return percentiles(taken[3:])


def now_ms() -> int:
    """Milliseconds since epoch."""
    return int(time.time() * 1000)
