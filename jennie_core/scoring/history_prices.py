"""`factors.price_factors` of every session of a long price history, computed once (R-ENR, R-IND)."""

import numpy as np
import polars as pl

from jennie_core.scoring.factors import HISTORY_SESSIONS, MIN_SESSIONS_FOR_YEAR_HIGH
from jennie_core.scoring.frames import DAILY_PRICES, require
from jennie_core.scoring.windows import Changes, average_true_range, window_starts

_WINDOW = f"{HISTORY_SESSIONS}i"


def price_history(prices: pl.DataFrame) -> pl.DataFrame:
    """One row per row of `prices` (`DAILY_PRICES`), sorted by code and date: trade_date, then `price_factors`' columns.

    A row knows its own session and the 249 market sessions before, nothing later: the rows of one trade_date equal
    `price_factors` at that day (the Wilder RSI within floating point). Raises ValueError when a code has two rows on a
    date.
    """
    bars = _numbered(require(prices, DAILY_PRICES, "daily prices"))
    code_number, session = bars["code_number"], bars["session_number"]
    starts = window_starts(code_number.to_numpy(), session.to_numpy(), HISTORY_SESSIONS)
    changes = Changes(bars["close_krw"], code_number, starts)
    return (
        bars.with_columns(
            sessions=pl.Series(np.arange(bars.height) - starts + 1, dtype=pl.UInt32),
            rsi14=_known(changes.wilder()),
            rsi14_simple=_known(changes.simple()),
            atr_krw=_known(average_true_range(bars, code_number, starts)),
        )
        .with_columns(_rolling())
        .select(
            "trade_date", "code", pl.col("trade_date").alias("last_date"), "sessions", "close_krw",
            "previous_close_krw", "is_halted", "rsi14", "rsi14_simple", "return_20_pct", "return_60_pct",
            "return_120_pct", "ma5", "ma20", "ma60", "ma60_before", "volume_ratio_5_20", "high_52w_krw",
            "max_close_krw", "atr_krw", "median_turnover_20_krw",
            ((pl.col("close_krw") / pl.col("previous_close_krw") - 1.0) * 100.0).alias("change_pct"),
            ((pl.col("close_krw") / pl.col("high_52w_krw") - 1.0) * 100.0).alias("drawdown_from_high_pct"),
        )
    )  # fmt: skip


def _numbered(prices: pl.DataFrame) -> pl.DataFrame:
    """Sorted bars with code_number and session_number (Int64, from 0) and window_key, which tells codes apart."""
    days = prices.select(pl.col("trade_date").unique().sort()).with_row_index("session_number")
    bars = (
        prices.select(DAILY_PRICES.keys())
        .sort("code", "trade_date")
        .join(days, on="trade_date", how="left", maintain_order="left")
        .with_columns(pl.col("session_number").cast(pl.Int64), code_number=pl.col("code").rle_id().cast(pl.Int64))
    )
    key = pl.col("code_number") * (days.height + HISTORY_SESSIONS) + pl.col("session_number")
    bars = bars.with_columns(window_key=key)
    if bars.select((pl.col("window_key").diff() == 0).any()).item():
        raise ValueError("daily prices hold two rows for one code and date")
    return bars


def _known(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> pl.Series:
    return pl.Series(values).fill_nan(None)


def _rolling() -> list[pl.Expr]:
    """Readings by row offsets: a code's last n rows are in its window exactly when `sessions` reaches n."""
    close, closes, volume = pl.col("close_krw"), pl.col("close_krw").cast(pl.Float64), pl.col("volume").cast(pl.Float64)
    base = _within(20, volume.rolling_mean(20))
    year_known = pl.col("session_number") >= MIN_SESSIONS_FOR_YEAR_HIGH - 1
    highs = pl.when(~pl.col("is_halted")).then(pl.col("high_krw"))
    return [
        _within(2, close.shift(1)).alias("previous_close_krw"),
        *(_within(n, (closes / closes.shift(n - 1) - 1.0) * 100.0).alias(f"return_{n}_pct") for n in (20, 60, 120)),
        *(_within(n, closes.rolling_mean(n)).alias(f"ma{n}") for n in (5, 20, 60)),
        _within(80, closes.rolling_mean(60).shift(20)).alias("ma60_before"),
        pl.when(base > 0).then(volume.rolling_mean(5) / base).alias("volume_ratio_5_20"),
        pl.when(year_known).then(_window_max(highs)).cast(pl.Float64).alias("high_52w_krw"),
        _within(20, _window_max(close)).cast(pl.Float64).alias("max_close_krw"),
        _within(20, (closes * volume).rolling_median(20)).alias("median_turnover_20_krw"),
    ]


def _within(rows: int, expression: pl.Expr) -> pl.Expr:
    return pl.when(pl.col("sessions") >= rows).then(expression)


def _window_max(column: pl.Expr) -> pl.Expr:
    return column.rolling_max_by("window_key", window_size=_WINDOW)
