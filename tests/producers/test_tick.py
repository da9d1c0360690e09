from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.errors import SkipRecord
from producers.tick import MAX_TICKS, TickFrame, decode, encode, partition_of
from tests.stubs import frame


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2**45), st.floats(0.01, 1e9)), min_size=1))
def test_a_frame_survives_the_wire(ticks: list[tuple[int, int, float]]) -> None:
    sent = TickFrame(
        "csv",
        "e",
        0,
        1,
        ["A", "B", "C"],
        [t[0] for t in ticks],
        [t[1] for t in ticks],
        [t[2] for t in ticks],
    )
    assert decode(encode(sent)) == sent


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xff\xfe", "not_json"),
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"[]", "bad_shape"),
        (b'{"source": 1}', "bad_shape"),
        (json.dumps(frame().__struct_fields__).encode(), "bad_shape"),
        (encode(frame(price=[1.0, 2.0])), "bad_columns"),
        (encode(frame(symbol=[5])), "bad_columns"),
        (encode(frame(symbol=[-1])), "bad_columns"),
        (encode(frame(symbol=[], event_ms=[], price=[])), "bad_columns"),
        (encode(frame(symbols=["A", "A"])), "bad_columns"),
        (encode(frame(event_ms=[2**60])), "bad_columns"),
        (encode(frame(seq=-1)), "bad_columns"),
        (encode(frame(restart=[1])), "bad_columns"),
        (encode(frame(restart=[-1])), "bad_columns"),
        (encode(frame(marks=[0, 0])), "bad_columns"),
        (encode(frame(marks=[99])), "bad_columns"),
        (encode(frame(seq=2**63)), "bad_columns"),
        (encode(frame(seen_ms=2**63)), "bad_columns"),
        (encode(frame()).replace(b"101.0", b"1e999"), "bad_shape"),
        (b'{"a":' * 100_000, "bad_shape"),
        (encode(frame(symbols=["S" * 65])), "bad_shape"),
        (encode(frame(epoch="e" * 500_000)), "bad_shape"),
        (encode(frame(source="s" * 65)), "bad_shape"),
        (encode(frame(symbols=[f"S{i}" for i in range(MAX_TICKS + 1)])), "bad_shape"),
        (encode(frame(symbol=[0] * 1025, event_ms=[0] * 1025, price=[1.0] * 1025)), "bad_shape"),
    ],
)
def test_an_unusable_frame_is_skipped_with_its_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(SkipRecord) as caught:
        decode(raw)
    assert caught.value.reason in (reason, "not_json")


@given(st.binary(max_size=300))
def test_random_bytes_never_do_worse_than_skip(raw: bytes) -> None:
    with pytest.raises(SkipRecord):
        decode(raw)


def test_the_partition_of_a_symbol_does_not_depend_on_the_process() -> None:
    script = "from producers.tick import partition_of; print(partition_of('BTC-USD', 12))"
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(there.stdout) == partition_of("BTC-USD", 12)
