"""`python -m feature_repo.describe`: the table of features, written from the spec into docs/features.md."""

from __future__ import annotations

from pathlib import Path

from feature_repo.features import FEATURES, INTRADAY_WINDOWS, TILES, Feature

DOCUMENT = Path(__file__).parent.parent / "docs" / "features.md"

HEAD = f"""# Features

Written from [`feature_repo/features.py`](../feature_repo/features.py) by `python -m feature_repo.describe`; a test
fails when the two differ.

A feature is null, never NaN or 0, until it is warm: a session feature after so many sessions, an intraday feature
when the symbol's first tick is so long ago. The session in progress counts as a bar with the latest price, so
session features move with every tick.

An intraday window is measured in exchange time and ends at the symbol's newest tick, never at "now". It consists
of {TILES} tiles, the one in progress included; every session close is the end of a tile. Its log return and realised
volatility start from the last price before the window and are null when that price is too old to stand for the
window's beginning:
"""


def document() -> str:
    """The whole page."""
    windows = ["| window | tile | oldest reference price |", "|---|---|---|"]
    windows += [
        f"| {window.label} | {_duration(window.tile_ms)} | {_duration(window.reference_ms)} before the window |"
        for window in INTRADAY_WINDOWS
    ]
    rows = [
        "| feature | kind | window | type | unit | warm after | meaning |",
        "|---|---|---|---|---|---|---|",
    ]
    rows += [_line(feature) for feature in FEATURES]
    return "\n".join([HEAD, *windows, "", *rows, ""])


def _line(feature: Feature) -> str:
    warm = (
        ""
        if feature.kind == "provenance"
        else f"{feature.warm_up} session{'s' if feature.warm_up > 1 else ''}"
    )
    if feature.kind == "intraday":
        warm = _duration(feature.warm_up)
    meaning = f"{feature.meaning} ({feature.source})" if feature.source else feature.meaning
    cells = (feature.kind, feature.window, feature.dtype, feature.unit, warm, meaning)
    return f"| `{feature.name}` | " + " | ".join(cells) + " |"


def _duration(ms: int) -> str:
    """In the largest unit that divides it.

    >>> [_duration(ms) for ms in (1250, 75_000, 3_600_000, 86_400_000)]
    ['1250 ms', '75 s', '1 h', '1 d']
    """
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if ms % length == 0:
            return f"{ms // length} {unit}"
    return f"{ms} ms"


if __name__ == "__main__":
    DOCUMENT.write_text(document())
