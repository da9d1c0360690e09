"""Where parity is judged: any bit that differs is named."""

from __future__ import annotations

import msgspec
import numpy as np

from launcher.claims import differences, values_of_row
from tests.stubs import row


def test_equal_rows_have_no_differences() -> None:
    for given in (row(), row(window=None, is_warm=False, values={"momentum_252": None})):
        assert differences(values_of_row(given), values_of_row(given)) == []


def test_one_bit_is_found() -> None:
    given = row()
    expected = values_of_row(given)
    off_by_one = {**given.values, "price": float(np.nextafter(1500.0, 2000.0))}
    missing = {**given.values, "macd": None}
    window = given.window.copy()
    window[3, 1] = 1e-300
    for change, names in (
        ({"values": off_by_one}, ["price"]),
        ({"values": missing}, ["macd"]),
        ({"window": window}, ["window"]),
        ({"n_sessions": 1, "feed": "x"}, ["n_sessions", "feed"]),
    ):
        changed = values_of_row(msgspec.structs.replace(given, **change))
        assert sorted(differences(changed, expected)) == sorted(names)
