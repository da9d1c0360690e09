"""The same features the slow way: pandas and plain loops over all closes, written from the definitions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from feature_repo.features import SESSION_FEATURES, WARM_SESSIONS, WINDOW_SESSIONS


def features(closes: list[float], is_rate: bool = False) -> dict[str, float]:
    """Session features after the last of `closes`; NaN while warming up."""
    price = pd.Series(closes, dtype=float)
    x = price / 100 if is_rate else np.log(price)
    r = x.diff()
    n = len(price)
    out = dict.fromkeys((feature.name for feature in SESSION_FEATURES), np.nan)
    out["price"] = price.iloc[-1]
    ewma = ewma_volatility(r)
    for span in (1, 5, 21, 63, 252):
        if n > span:
            out[f"log_return_{span}"] = x.iloc[-1] - x.iloc[-1 - span]
    for span in (5, 21, 63, 252):
        if n > span:
            out[f"realised_volatility_{span}"] = float(np.sqrt((r.iloc[-span:] ** 2).sum()))
    if n >= 21:
        out["ewma_volatility"] = ewma[-1]
    if n >= 12:
        out["ema_12"] = price.ewm(span=12, adjust=False).mean().iloc[-1]
    if n >= 26:
        out["ema_26"] = price.ewm(span=26, adjust=False).mean().iloc[-1]
        out["macd"] = price.ewm(span=12, adjust=False).mean().iloc[-1] - out["ema_26"]
    if n >= 15:
        out["rsi_14"] = rsi(price)
    if n >= 20:
        last = price.iloc[-20:]
        deviation = last.std(ddof=0)
        out["bollinger_z"] = (price.iloc[-1] - last.mean()) / deviation if deviation > 0 else 0.0
    out["drawdown_252"] = x.iloc[-1] - x.iloc[-252:].max()
    for span in (21, 63, 252):
        if n > span:
            scale = ewma[-1] * np.sqrt(span)
            out[f"momentum_{span}"] = (x.iloc[-1] - x.iloc[-1 - span]) / scale if scale > 0 else 0.0
    return out


def ewma_volatility(r: pd.Series) -> list[float]:
    variance, out = 0.0, [0.0]
    for position, value in enumerate(r.iloc[1:]):
        variance = value**2 if position == 0 else 0.94 * variance + 0.06 * value**2
        out.append(float(np.sqrt(variance)))
    return out


def rsi(price: pd.Series) -> float:
    change = price.diff().iloc[1:]
    gain, loss = change.clip(lower=0), -change.clip(upper=0)
    up, down = gain.iloc[:14].mean(), loss.iloc[:14].mean()
    for g, d in zip(gain.iloc[14:], loss.iloc[14:], strict=True):
        up, down = (13 * up + g) / 14, (13 * down + d) / 14
    return float(100 * up / (up + down)) if up + down > 0 else 50.0


def window(closes: list[float]) -> np.ndarray | None:
    """The model's input window, shape (WINDOW_SESSIONS, 2); None while warming up."""
    if len(closes) < WINDOW_SESSIONS + 21:
        return None
    r = np.diff(np.log(closes))
    ewma = ewma_volatility(pd.Series([np.nan, *r]))
    rows = []
    for t in range(len(closes) - WINDOW_SESSIONS, len(closes)):
        before = ewma[t - 1]
        z = r[t - 1] / before if before > 0 else 0.0
        known = r[max(0, t - 252) : t]
        long_run = np.sqrt(np.mean(known**2))
        ratio = np.log(ewma[t] / long_run) if ewma[t] > 0 and long_run > 0 else 0.0
        rows.append((min(max(z, -10.0), 10.0), ratio))
    return np.array(rows)


assert WARM_SESSIONS == 253
