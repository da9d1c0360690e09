"""The session features as a tutorial computes them: pandas over the whole window, again for every tick.

Of the feature spec only these: what else it names stays null, which costs a push as much and saves computing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from feature_repo.features import WINDOW_SESSIONS

RETURNS, VOLATILITIES, MOMENTA = (1, 5, 21, 63, 252), (5, 21, 63, 252), (21, 63, 252)
DECAY = 0.94


def session_features(closes: list[float]) -> dict[str, float | list[float]]:
    """Features after the last of at least 253 closes, oldest first."""
    price = pd.Series(closes)
    x = pd.Series(np.log(price))
    r = x.diff().iloc[1:]
    change = price.diff().iloc[1:]
    variance = (r**2).ewm(alpha=1 - DECAY, adjust=False).mean()
    volatility = pd.Series(np.sqrt(variance))
    last20 = price.rolling(20)
    up = _wilder(change.clip(lower=0))
    down = _wilder(-change.clip(upper=0))
    ema_12 = price.ewm(span=12, adjust=False).mean().iloc[-1]
    ema_26 = price.ewm(span=26, adjust=False).mean().iloc[-1]
    level = (r**2).rolling(252, min_periods=1).mean() ** 0.5
    z = (r / volatility.shift()).clip(-10, 10)
    window = np.column_stack([z, np.log(volatility / level)])[-WINDOW_SESSIONS:]
    return {
        "price": closes[-1],
        **{f"log_return_{n}": x.iloc[-1] - x.iloc[-1 - n] for n in RETURNS},
        **{f"realised_volatility_{n}": np.sqrt((r**2).rolling(n).sum().iloc[-1]) for n in VOLATILITIES},
        "ewma_volatility": volatility.iloc[-1],
        "ema_12": ema_12,
        "ema_26": ema_26,
        "macd": ema_12 - ema_26,
        "rsi_14": 100 * up / (up + down),
        "bollinger_z": (closes[-1] - last20.mean().iloc[-1]) / last20.std(ddof=0).iloc[-1],
        "drawdown_252": x.iloc[-1] - x.rolling(252).max().iloc[-1],
        **{
            f"momentum_{n}": (x.iloc[-1] - x.iloc[-1 - n]) / (volatility.iloc[-1] * np.sqrt(n))
            for n in MOMENTA
        },
        "window": window.ravel().tolist(),
    }


def _wilder(moves: pd.Series[float]) -> float:
    """Wilder's average: the mean of the first 14, then exponential."""
    start = pd.concat([pd.Series([moves.iloc[:14].mean()]), moves.iloc[14:]])
    return float(start.ewm(alpha=1 / 14, adjust=False).mean().iloc[-1])
