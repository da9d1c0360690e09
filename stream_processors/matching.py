"""Pairing each forecast with the bar that follows it, in whatever order the two logs are read. Pure.

The PIT of a forecast made at the close of session s is scored with the next bar of that symbol. Sessions are
scored once and in order; a forecast that arrives after its successor was scored is too late to count.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from stream_processors.messages import Bar

FloatArray = npt.NDArray[np.float64]


class LoggedForecast(msgspec.Struct, frozen=True):
    """What the monitor needs of a `forecast/1` record."""

    symbol: str
    session_date: int
    price: float
    model: str
    horizons: list[int]
    levels: list[float]
    quantiles: list[list[float]]
    spec_hash: str = ""
    role: str = "champion"  # only the champion's forecasts are monitored
    garch: list[float] | None = None  # mean, alpha, beta of the fitted process


@dataclass(frozen=True)
class Scored:
    """One outcome. `session_date` is the session whose close was forecast; `outcome` its log return.

    bar, forecast : where in the logs they came from, topic[partition]@offset.
    """

    symbol: str
    session_date: int
    pit: float
    model: str
    outcome: float = 0.0
    spec_hash: str = ""
    garch: tuple[float, ...] = ()
    bar: str = ""
    forecast: str = ""


@dataclass
class Matcher:
    """Holds what has no partner yet, per symbol."""

    _forecasts: dict[str, dict[int, tuple[LoggedForecast, str]]] = field(default_factory=dict)
    # previous session date -> bar
    _next_bar: dict[str, dict[int, tuple[Bar, str]]] = field(default_factory=dict)
    _last_bar: dict[str, int] = field(default_factory=dict)
    _last_scored: dict[str, int] = field(default_factory=dict)

    def bar(self, bar: Bar, source: str = "") -> Iterator[Scored]:
        """Take a final bar; bars of a symbol come in order, corrections of older ones are ignored.

        source : where it was read, for the audit.
        """
        previous = self._last_bar.get(bar.symbol)
        if previous is not None and bar.session_date <= previous:
            return
        self._last_bar[bar.symbol] = bar.session_date
        if previous is not None and not bar.history:
            self._next_bar.setdefault(bar.symbol, {})[previous] = bar, source
            yield from self._match(bar.symbol)

    def forecast(self, forecast: LoggedForecast, source: str = "") -> Iterator[Scored]:
        """Take a forecast. The champion's first one for a session counts: the log is immutable."""
        if forecast.role != "champion":
            return
        self._forecasts.setdefault(forecast.symbol, {}).setdefault(forecast.session_date, (forecast, source))
        yield from self._match(forecast.symbol)

    def _match(self, symbol: str) -> Iterator[Scored]:
        forecasts, bars = self._forecasts.get(symbol, {}), self._next_bar.get(symbol, {})
        for made in sorted(forecasts.keys() & bars.keys()):
            forecast, forecast_at = forecasts.pop(made)
            bar, bar_at = bars.pop(made)
            if bar.session_date <= self._last_scored.get(symbol, 0):
                continue
            self._last_scored[symbol] = bar.session_date
            outcome = math.log(bar.close / forecast.price)
            next_session = forecast.quantiles[forecast.horizons.index(1)]
            value = pit(next_session, forecast.levels, outcome)
            yield Scored(
                symbol=symbol,
                session_date=bar.session_date,
                pit=value,
                model=forecast.model,
                outcome=outcome,
                spec_hash=forecast.spec_hash,
                garch=tuple(forecast.garch or ()),
                bar=bar_at,
                forecast=forecast_at,
            )


def pit(
    quantiles: Sequence[float] | FloatArray, levels: Sequence[float] | FloatArray, outcome: float
) -> float:
    """Probability integral transform: the level at which the outcome falls.

    quantiles, levels : of equal length, increasing. Beyond the outermost quantiles the middle between the
    outermost level and 0 or 1 is returned.
    """
    return float(np.interp(outcome, quantiles, levels, left=levels[0] / 2, right=(1 + levels[-1]) / 2))
