"""The asset universe: which symbols exist, what kind of quote each is, and what people call it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from producers.errors import FixAndRestart

DEFAULT_FILE = Path(__file__).with_name("universe.toml")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Asset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One asset. `kind` rate: quotes are percent per year and may be zero or negative."""

    id: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,31}$")]
    symbol: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9^=.\-]{1,32}$")]
    name: Name
    kind: Literal["price", "rate"]
    calendar: Literal["sessions", "always"]
    unit: Name
    csv: str | None = None

    @property
    def csv_name(self) -> str:
        """File of this asset in a folder of CSV files."""
        return self.csv or f"{self.id}.csv"


class Universe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All assets, in the order of the file."""

    asset: list[Asset]

    @property
    def symbols(self) -> list[str]:
        return [asset.symbol for asset in self.asset]

    @property
    def priced(self) -> list[Asset]:
        """Assets with a price of their own; the bank deposit, a rate, is not one of them."""
        return [asset for asset in self.asset if asset.kind == "price"]

    @property
    def deposit(self) -> Asset | None:
        """The rate that the bank-deposit leg earns, if the universe has one."""
        return next((asset for asset in self.asset if asset.kind == "rate"), None)

    def by_symbol(self, symbol: str) -> Asset | None:
        return next((asset for asset in self.asset if asset.symbol == symbol), None)


def load_universe(path: Path | None = None) -> Universe:
    """Read and validate the universe. Raises FixAndRestart naming file, line and what to change."""
    path = path or DEFAULT_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FixAndRestart(f"{path}: cannot read the asset universe: {error.strerror}") from error
    try:
        universe = msgspec.toml.decode(text, type=Universe)
    except msgspec.ValidationError as error:
        raise FixAndRestart(f"{path}{_line(text, str(error))}: {error}") from error
    except msgspec.DecodeError as error:
        raise FixAndRestart(f"{path}: not valid TOML: {error}") from error
    if not universe.asset:
        raise FixAndRestart(f"{path}: expected at least one [[asset]], found none")
    for field in ("id", "symbol"):
        values = [getattr(asset, field) for asset in universe.asset]
        for position, value in enumerate(values):
            if value in values[:position]:
                where = _line(text, f"$.asset[{position}]")
                raise FixAndRestart(f"{path}{where}: {field} {value!r} appears twice; each must be unique")
    if len([asset for asset in universe.asset if asset.kind == "rate"]) > 1:
        raise FixAndRestart(f"{path}: at most one asset of kind rate (the bank deposit) is supported")
    return universe


def where(symbol: str, path: Path | None = None) -> str:
    """`FILE:LINE` of the asset with this symbol, for an error that a person must mend there."""
    path = path or DEFAULT_FILE
    text = path.read_text(encoding="utf-8")
    universe = msgspec.toml.decode(text, type=Universe)
    position = universe.symbols.index(symbol)
    return f"{path}{_line(text, f'$.asset[{position}]')}"


def _line(text: str, message: str) -> str:
    """`:LINE` of the [[asset]] table that a validation message speaks of (`$.asset[2].kind`)."""
    start = message.find("$.asset[")
    if start < 0:
        return ""
    position = int(message[start + 8 :].split("]")[0])
    headers = [number for number, line in enumerate(text.splitlines(), 1) if line.strip() == "[[asset]]"]
    return f":{headers[position]}" if position < len(headers) else ""
