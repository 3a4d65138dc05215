"""The price factors of one day as a loop over stocks in pandas: what a scorer is usually written like first."""

from datetime import date
from typing import Any

import pandas as pd

RSI_PERIOD = 14
COLUMNS = (
    "sessions", "rsi14", "rsi14_simple", "return_20_pct", "return_60_pct", "return_120_pct", "ma5", "ma20", "ma60",
    "ma60_before", "volume_ratio_5_20", "high_52w_krw", "max_close_krw", "atr_krw", "median_turnover_20_krw",
    "change_pct", "drawdown_from_high_pct",
)  # fmt: skip
"""Figures of `factors.price_factors` that the loop computes: all of them."""


def price_factors(prices: pd.DataFrame, as_of: date, codes: list[str]) -> pd.DataFrame:
    """COLUMNS by code for `codes`; `prices` are the last 250 market sessions, sorted by code and date."""
    rows: dict[str, dict[str, Any]] = {}
    for code, bars in prices[prices["code"].isin(codes)].groupby("code", sort=False):
        if bars["trade_date"].iloc[-1] == as_of:
            rows[str(code)] = _factors(bars)
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS)).rename_axis("code").reset_index()


def _factors(bars: pd.DataFrame) -> dict[str, Any]:
    close, volume = bars["close_krw"].astype("float64"), bars["volume"].astype("float64")
    traded = bars[~bars["is_halted"]]
    change = close.diff().iloc[1:]
    last, count = close.iloc[-1], len(close)
    high = float(traded["high_krw"].max()) if len(traded) else None
    base = volume.tail(20).mean()
    return {
        "sessions": count,
        "rsi14": _wilder(change),
        "rsi14_simple": _simple(change),
        **{f"return_{n}_pct": (last / close.iloc[-n] - 1) * 100 if count >= n else None for n in (20, 60, 120)},
        **{f"ma{n}": close.tail(n).mean() if count >= n else None for n in (5, 20, 60)},
        "ma60_before": close.tail(80).head(60).mean() if count >= 80 else None,
        "volume_ratio_5_20": volume.tail(5).mean() / base if count >= 20 and base > 0 else None,
        "high_52w_krw": high,
        "max_close_krw": close.max() if count >= 20 else None,
        "atr_krw": _true_range(traded),
        "median_turnover_20_krw": (close * volume).tail(20).median() if count >= 20 else None,
        "change_pct": (last / close.iloc[-2] - 1) * 100 if count >= 2 else None,
        "drawdown_from_high_pct": None if high is None else (last / high - 1) * 100,
    }


def _wilder(change: pd.Series) -> float | None:
    if len(change) < RSI_PERIOD or not change.abs().sum():
        return None
    averages = []
    for part in (change.clip(lower=0), (-change).clip(lower=0)):
        seeded = pd.concat([pd.Series([part.head(RSI_PERIOD).mean()]), part.iloc[RSI_PERIOD:]])
        averages.append(seeded.ewm(alpha=1 / RSI_PERIOD, adjust=False).mean().iloc[-1])
    return _strength(*averages)


def _simple(change: pd.Series) -> float | None:
    recent = change.tail(RSI_PERIOD)
    if len(recent) < RSI_PERIOD or not recent.abs().sum():
        return None
    return _strength(recent.clip(lower=0).mean(), (-recent).clip(lower=0).mean())


def _strength(gain: float, loss: float) -> float:
    return 100.0 if loss == 0 else 100 - 100 / (1 + gain / loss)


def _true_range(traded: pd.DataFrame) -> float | None:
    previous = traded["close_krw"].shift(1)
    spans = pd.concat(
        [
            traded["high_krw"] - traded["low_krw"],
            (traded["high_krw"] - previous).abs(),
            (traded["low_krw"] - previous).abs(),
        ],
        axis=1,
    ).max(axis=1)
    known = spans[previous.notna()].tail(RSI_PERIOD)
    return float(known.mean()) if len(known) else None
