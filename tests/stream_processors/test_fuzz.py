"""Whatever is in a record, the worker lives on and every tick is accounted for exactly once."""

from __future__ import annotations

import asyncio
import json
import math

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from producers import topics
from producers.errors import SkipRecord
from producers.tick import MAX_TICKS, TickFrame, decode, encode
from stream_processors.dead_letters import MAX_VALUE
from stream_processors.worker import Counters
from tests.stream_processors.outputs import Held, Memory, of_topic, worker
from tests.stubs import SEEN_MS, SESSION, close_ms, frame

KAFKA_LIMIT = 1_048_576  # bytes of one request, the default of broker and client
REFUSALS = {"not_json", "bad_shape", "bad_columns", "ahead_of_clock"}
YEAR_3000_MS = 32_503_680_000_000

slow = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)
NAMES = [field.name for field in msgspec.structs.fields(TickFrame)]


@st.composite
def mangled_frames(draw: st.DrawFn) -> bytes:
    """A good frame of which some fields hold any JSON, or are missing."""
    fields = msgspec.to_builtins(frame())
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)):
        if draw(st.booleans()):
            fields[name] = draw(json_values)
        else:
            fields.pop(name, None)
    return json.dumps(fields).encode("utf-8", errors="surrogatepass")


times = st.one_of(
    st.integers(close_ms(SESSION - 3), close_ms(SESSION + 3)),
    st.integers(YEAR_3000_MS, YEAR_3000_MS + 10**12),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.integers(),
)
prices = st.one_of(
    st.floats(0.01, 1e6),
    st.floats(),
    st.none(),
    st.sampled_from([0.0, -0.0, -1.0, math.inf, math.nan, 5e-324]),
)
symbols = st.sampled_from(["GC=F", "^IXIC", "^IRX", "NOPE", "", "\x00", "é" * 64])


@st.composite
def wild_frames(draw: st.DrawFn) -> bytes:
    """A frame of the right shape with any values."""
    names = draw(st.lists(symbols, min_size=1, max_size=4, unique=True))
    n = draw(st.integers(1, 12))
    return json.dumps(
        {
            "source": "fuzz",
            "epoch": draw(st.sampled_from(["e1", "e2"])),
            "seq": draw(st.integers(0, 2**53)),
            "seen_ms": draw(st.sampled_from([SEEN_MS, 0, YEAR_3000_MS])),
            "symbols": names,
            "symbol": draw(st.lists(st.integers(0, len(names) - 1), min_size=n, max_size=n)),
            "event_ms": draw(st.lists(times, min_size=n, max_size=n)),
            "price": draw(st.lists(prices, min_size=n, max_size=n)),
        }
    ).encode()


HOSTILE = [
    b"",
    b"\x00" * 1_000_000,
    b"[" * 1_000_000,
    b'{"a":' * 200_000,
    b'"' + b"a" * 999_998 + b'"',
    json.dumps({**msgspec.to_builtins(frame()), "symbols": ["S" * 900_000]}).encode(),
    json.dumps({**msgspec.to_builtins(frame()), "epoch": "e" * 900_000}).encode(),
    json.dumps({**msgspec.to_builtins(frame()), "source": "s" * 900_000}).encode(),
    encode(frame(symbol=[0] * 100_000, event_ms=[0] * 100_000, price=[-1.0] * 100_000)),
    encode(frame(symbols=[f"S{i}" for i in range(60_000)])),
    encode(
        frame(symbols=["N" * 64], symbol=[0] * MAX_TICKS, event_ms=[0] * MAX_TICKS, price=[1.0] * MAX_TICKS)
    ),
    encode(frame(event_ms=[YEAR_3000_MS])),
    encode(frame(seen_ms=YEAR_3000_MS)),
]


def fed(values: list[bytes | None]) -> tuple[Memory, Counters]:
    """Outputs and counters of a worker that was given these records, then a good one, and made everything durable."""
    memory = Memory()

    async def scenario() -> Counters:
        own = worker(memory)
        for offset, value in enumerate(values):
            await own.apply(0, offset, value, SEEN_MS, Held(memory))
        good = frame(epoch="good", price=[123.0], symbols=["BTC-USD"], event_ms=[close_ms(SESSION)])
        await own.apply(0, len(values), encode(good), SEEN_MS, Held(memory))
        await own.snapshot()
        return own.count

    return memory, asyncio.run(scenario())


def ticks_of(value: bytes | None) -> int | None:
    """Ticks of a record that can be read; None when it is refused whole."""
    try:
        return len(decode(value or b"").symbol)
    except SkipRecord:
        return None


def check(values: list[bytes | None]) -> None:
    """Everything is acknowledged, counted once, small enough for Kafka, and a good tick still gets through."""
    memory, counted = fed(values)
    assert memory.log.count("ack") == len(values) + 1
    assert memory.online["BTC-USD"].values[0] == 123.0

    dead = [(dict(one.headers), one) for one in of_topic(memory, topics.DEAD)]
    whole = [headers for headers, _ in dead if headers["kind"] == b"frame"]
    assert {headers["reason"].decode() for headers in whole} <= REFUSALS
    unreadable = {str(offset) for offset, value in enumerate(values) if ticks_of(value) is None}
    refused = {headers["source_offset"].decode() for headers in whole}
    assert unreadable <= refused
    assert len(whole) == len(refused)

    read = [one for offset, one in enumerate(values) if str(offset) not in refused]
    duplicates: set[int] = set()
    newest: dict[str, int] = {}
    for position, value in enumerate(read):
        one = decode(value or b"")
        if one.seq <= newest.get(one.epoch, -1):
            duplicates.add(position)
        newest[one.epoch] = max(newest.get(one.epoch, -1), one.seq)
    expected = sum(ticks_of(one) or 0 for position, one in enumerate(read) if position not in duplicates)
    assert counted.duplicates == len(duplicates)
    assert (counted.ticks - 1) + (len(dead) - len(whole)) == expected

    for _, record in dead:
        size = len(record.value) + len(record.key or b"") + sum(len(k) + len(v) for k, v in record.headers)
        assert size < KAFKA_LIMIT
        assert len(record.value) <= MAX_VALUE
    for key, value in memory.changelog.items():
        assert len(key) + len(value) < KAFKA_LIMIT / 2


@slow
@given(st.lists(st.binary(max_size=400) | st.none(), max_size=5))
def test_random_bytes(values: list[bytes | None]) -> None:
    check(values)


@slow
@given(
    st.lists(json_values.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")), max_size=5)
)
def test_json_of_another_shape(values: list[bytes | None]) -> None:
    check(values)


@slow
@given(st.lists(mangled_frames(), min_size=1, max_size=5))
def test_frames_with_fields_that_hold_anything(values: list[bytes | None]) -> None:
    check(values)


@slow
@given(st.lists(wild_frames(), min_size=1, max_size=8))
@example([HOSTILE[-2], HOSTILE[-1]])
def test_frames_with_any_values(values: list[bytes | None]) -> None:
    check(values)


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: f"{len(value)}-bytes-{value[:12]!r}")
def test_records_made_to_do_harm(value: bytes) -> None:
    check([value])


@slow
@given(st.data())
def test_bytes_flipped_in_a_good_frame(data: st.DataObject) -> None:
    raw = bytearray(encode(frame(price=[100.0, 101.0, 102.0], event_ms=[close_ms(SESSION)] * 3)))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    check([bytes(raw)])
