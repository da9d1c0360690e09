"""Rows as one Redis script argument each: Feast's field names and protobuf values, written by compiled code.

Building protobuf objects and hashing field names costs 0.3 ms a row; here a row of 60 fields takes 2 us. The
argument is what the script of online_script.py takes apart.
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from feature_repo.online_script import NAME

Bytes = npt.NDArray[np.uint8]

_DOUBLE_TAG = 5 << 3 | 1  # Value.double_val; a contract test compares all of these with Feast's own schema
_INTEGER_TAG = 4 << 3 | 0  # Value.int64_val
_STRING_TAG = 2 << 3 | 2  # Value.string_val
_LIST_TAG = 15 << 3 | 2  # Value.double_list_val
_PACKED_TAG = 1 << 3 | 2  # DoubleList.val


@nb.njit("int64(uint8[:], int64, int64)", cache=True)
def _varint(out: Bytes, at: int, number: int) -> int:
    """Write a base-128 number and return where it ends. Negative ones take ten bytes, as in protobuf."""
    left = np.uint64(number)
    while left > np.uint64(127):
        out[at] = np.uint8((left & np.uint64(127)) | np.uint64(128))
        left >>= np.uint64(7)
        at += 1
    out[at] = np.uint8(left)
    return at + 1


@nb.njit("void(float64[:,:], uint8[:,:], int64[:,:], int64, uint8[:,:], uint8[:], int64[:])", cache=True)
def encode_numbers(
    rows: npt.NDArray[np.float64],
    raw: Bytes,
    integers: npt.NDArray[np.int64],
    doubles: int,
    names: Bytes,
    out: Bytes,
    ends: npt.NDArray[np.int64],
) -> None:
    """Write the doubles, the list and the integers of n rows one after the other.

    rows     : shape (n, r); the first `doubles` columns are features, the others one list. NaN becomes null.
    raw      : the same rows as bytes, shape (n, 8 * r), little-endian.
    integers : shape (n, i).
    names    : shape (doubles + 1 + i, NAME), field names in that order.
    out      : out, at least n * max_size(...) bytes. ends : out, shape (n,), where each row ends.
    """
    at = 0
    listed = rows.shape[1] - doubles
    for i in range(len(rows)):
        for column in range(doubles):
            out[at : at + NAME] = names[column]
            at += NAME
            if np.isnan(rows[i, column]):
                out[at] = 0
                at += 1
                continue
            out[at] = 9
            out[at + 1] = _DOUBLE_TAG
            out[at + 2 : at + 10] = raw[i, 8 * column : 8 * column + 8]
            at += 10
        out[at : at + NAME] = names[doubles]
        at += NAME
        length_at = at
        at += 2
        if not np.isnan(rows[i, doubles]):
            packed = 8 * listed
            header = 2 if packed < 128 else 3  # the inner tag and length; at most 2047 doubles
            out[at] = _LIST_TAG
            at = _varint(out, at + 1, packed + header)
            out[at] = _PACKED_TAG
            at = _varint(out, at + 1, packed)
            out[at : at + packed] = raw[i, 8 * doubles :]
            at += packed
        out[length_at] = (at - length_at - 2) & 255
        out[length_at + 1] = (at - length_at - 2) >> 8
        for column in range(integers.shape[1]):
            out[at : at + NAME] = names[doubles + 1 + column]
            at += NAME
            end = at + 1
            out[end] = _INTEGER_TAG
            end = _varint(out, end + 1, integers[i, column])
            out[at] = end - at - 1
            at = end
        ends[i] = at


def max_size(doubles: int, listed: int, integers: int) -> int:
    """Upper bound of the bytes of a row as encode_numbers writes it."""
    return doubles * (NAME + 10) + NAME + 2 + 8 + 8 * listed + integers * (NAME + 12)


def varint(number: int) -> bytes:
    """A base-128 number."""
    out = np.empty(10, dtype=np.uint8)
    return out[: _varint(out, 0, number)].tobytes()


def string(name: bytes, text: str) -> bytes:
    """A string field, name and value."""
    data = text.encode()
    value = bytes([_STRING_TAG]) + varint(len(data)) + data
    return name + len(value).to_bytes(2, "little") + value


def timestamp(ms: int) -> bytes:
    """A protobuf Timestamp with its length before it."""
    seconds, nanos = ms // 1000, ms % 1000 * 1_000_000
    value = (b"\x08" + varint(seconds) if seconds else b"") + (b"\x10" + varint(nanos) if nanos else b"")
    return bytes([len(value)]) + value
