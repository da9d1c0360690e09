from __future__ import annotations

from pathlib import Path

import pytest

from producers.errors import FixAndRestart
from producers.universe import DEFAULT_FILE, load_universe

GOLD = """
[[asset]]
id = "gold"
symbol = "GC=F"
name = "Gold"
kind = "price"
calendar = "sessions"
unit = "USD/oz"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "universe.toml"
    path.write_text(text)
    return path


def test_the_shipped_universe_holds_the_five_assets() -> None:
    universe = load_universe()
    assert [asset.id for asset in universe.asset] == ["gold", "nasdaq", "sp500", "bitcoin", "cash"]
    assert universe.deposit is not None
    assert universe.deposit.symbol == "^IRX"
    assert universe.by_symbol("GC=F") in universe.priced
    assert DEFAULT_FILE.is_file()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOLD + 'colour = "yellow"\n', "universe.toml:2"),
        (GOLD.replace('"price"', '"fun"'), "fun"),
        (GOLD.replace("sessions", "lunar"), "lunar"),
        (GOLD + GOLD, "universe.toml:10: id 'gold' appears twice"),
        (GOLD.replace("GC=F", "GC F;"), "symbol"),
        ("", "asset"),
        ("[[asset]\n", "not valid TOML"),
        (GOLD.replace('unit = "USD/oz"\n', ""), "unit"),
    ],
)
def test_a_wrong_file_is_refused_saying_what_and_where(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(FixAndRestart, match=r"universe\.toml") as caught:
        load_universe(path)
    assert says in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FixAndRestart, match="cannot read"):
        load_universe(tmp_path / "nowhere.toml")
