"""Where parity is judged: any bit that differs is named."""

from __future__ import annotations

import msgspec
import numpy as np

from feature_repo.features import FEATURES
from feature_repo.online import FeatureRow
from feature_repo.online_store_row import OnlineRow
from launcher.parity import differences
from tests.stubs import row


def expected(given: FeatureRow) -> OnlineRow:
    """What a replay would have computed to give exactly this row."""
    named = {
        **given.values,
        **{name: getattr(given, name) for name in given.__struct_fields__},
        "window": None if given.window is None else given.window.ravel().tolist(),
        "is_warm": int(given.is_warm),
    }
    return OnlineRow(given.symbol, given.event_ms, tuple(named[f.name] for f in FEATURES), "log:0", 1)


def test_equal_rows_have_no_differences() -> None:
    for given in (row(), row(window=None, is_warm=False, values={"momentum_252": None})):
        assert differences(given, expected(given)) == []


def test_one_bit_is_found() -> None:
    given = row()
    off_by_one = {**given.values, "price": float(np.nextafter(1500.0, 2000.0))}
    assert differences(msgspec.structs.replace(given, values=off_by_one), expected(given)) == ["price"]
    window = given.window.copy()
    window[3, 1] = 1e-300
    assert differences(msgspec.structs.replace(given, window=window), expected(given)) == ["window"]
    missing = {**given.values, "macd": None}
    assert differences(msgspec.structs.replace(given, values=missing), expected(given)) == ["macd"]
    assert differences(msgspec.structs.replace(given, n_sessions=1, feed="x"), expected(given)) == [
        "n_sessions",
        "feed",
    ]
