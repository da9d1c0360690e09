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
from stream_processors.proper_loss import bounded_difference

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
    without_lstm: list[float] | None = None  # quantiles of the next session, of the pool without the LSTM


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
    lstm_loss: float | None = None  # what the LSTM added to the pool's loss, in [-1, 1]; None without an LSTM
    bar: str = ""
    forecast: str = ""


@dataclass(frozen=True)
class Move:
    """From one close to the next, both of the same past: one that was rewritten since has other prices."""

    session_date: int
    close: float
    before: float
    bar: str


@dataclass
class Matcher:
    """Holds what has no partner yet, per symbol."""

    _forecasts: dict[str, dict[int, tuple[LoggedForecast, str]]] = field(default_factory=dict)
    _moves: dict[str, dict[int, Move]] = field(default_factory=dict)  # by the session before
    _newest: dict[str, tuple[int, float]] = field(default_factory=dict)  # session date and close
    _last_scored: dict[str, int] = field(default_factory=dict)

    def bar(self, bar: Bar, source: str = "") -> Iterator[Scored]:
        """Take a final bar; bars of a symbol come in order, corrections of older ones are ignored.

        Bars of a history count as well: the log of forecasts says what was forecast live, and after a past was
        published again compaction leaves no other bars. A correction of the newest is what the next move begins at.
        source : where it was read, for the audit.
        """
        newest = self._newest.get(bar.symbol)
        if newest is not None and bar.session_date < newest[0]:
            return
        self._newest[bar.symbol] = bar.session_date, bar.close
        if newest is not None and bar.session_date > newest[0]:
            move = Move(bar.session_date, bar.close, newest[1], source)
            self._moves.setdefault(bar.symbol, {})[newest[0]] = move
            yield from self._match(bar.symbol)

    def forecast(self, forecast: LoggedForecast, source: str = "") -> Iterator[Scored]:
        """Take a forecast. The champion's first one for a session counts: the log is immutable."""
        if forecast.role != "champion":
            return
        self._forecasts.setdefault(forecast.symbol, {}).setdefault(forecast.session_date, (forecast, source))
        yield from self._match(forecast.symbol)

    def _match(self, symbol: str) -> Iterator[Scored]:
        forecasts, moves = self._forecasts.get(symbol, {}), self._moves.get(symbol, {})
        for made in sorted(forecasts.keys() & moves.keys()):
            forecast, forecast_at = forecasts.pop(made)
            move = moves.pop(made)
            if move.session_date <= self._last_scored.get(symbol, 0):
                continue
            self._last_scored[symbol] = move.session_date
            for older in [date for date in moves if date < made]:  # a forecast for them would come too late
                del moves[older]
            # Not from the forecast's own price: it is of the past as it was then.
            outcome = math.log(move.close / move.before)
            next_session = forecast.quantiles[forecast.horizons.index(1)]
            value = pit(next_session, forecast.levels, outcome)
            yield Scored(
                symbol=symbol,
                session_date=move.session_date,
                pit=value,
                model=forecast.model,
                outcome=outcome,
                spec_hash=forecast.spec_hash,
                garch=tuple(forecast.garch or ()),
                lstm_loss=None
                if forecast.without_lstm is None
                else bounded_difference(next_session, forecast.without_lstm, forecast.levels, outcome),
                bar=move.bar,
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
