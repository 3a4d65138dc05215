"""Indicators of section 16 (R-IND) as polars expressions for one time series, oldest first.

Used inside `group_by("code").agg(...)` (one value per code) or over a whole column of one index. Every expression is
null where the series is too short; the callers add no default.
"""

import polars as pl

RSI_PERIOD = 14
ATR_PERIOD = 14


def sma(column: pl.Expr, n: int) -> pl.Expr:
    """R-IND-01: mean of the last `n` values, null below `n` values."""
    return pl.when(column.len() >= n).then(column.tail(n).mean())


def ema(column: pl.Expr, n: int) -> pl.Expr:
    """R-IND-02: running EMA with k = 2/(n+1), seeded with the first value."""
    return column.ewm_mean(span=n, adjust=False)


def _wilder_average(part: pl.Expr, n: int) -> pl.Expr:
    """Wilder average of the changes `part` (first change at index 0), seeded with the mean of the first `n`."""
    keep = (n - 1) / n
    age = (pl.len() - 2 - pl.int_range(pl.len() - 1)).cast(pl.Float64)
    tail = (part * pl.lit(keep).pow(age) / n).slice(n).sum()
    seed = part.head(n).mean() * pl.lit(keep).pow((pl.len() - 1 - n).cast(pl.Float64))
    return seed + tail


def rsi_wilder(close: pl.Expr, n: int = RSI_PERIOD) -> pl.Expr:
    """R-IND-03, R-QNT-03: Wilder RSI over the whole group; needs n+1 closes; no loss gives 100.

    A series that never moved has neither gain nor loss: its RSI is unknown (null), not 100.
    """
    change = close.cast(pl.Float64).diff().slice(1)
    gain = _wilder_average(change.clip(lower_bound=0.0), n)
    loss = _wilder_average((-change).clip(lower_bound=0.0), n)
    moved = change.abs().sum() > 0
    return pl.when((pl.len() >= n + 1) & moved).then(_strength(gain, loss))


def rsi_simple(close: pl.Expr, n: int = RSI_PERIOD) -> pl.Expr:
    """RSI from plain means of the last `n` changes (R-ANL-10); null below n+1 closes or without any change."""
    change = close.cast(pl.Float64).diff().slice(1).tail(n)
    gain = change.clip(lower_bound=0.0).mean()
    loss = (-change).clip(lower_bound=0.0).mean()
    moved = change.abs().sum() > 0
    return pl.when((pl.len() >= n + 1) & moved).then(_strength(gain, loss))


def _strength(gain: pl.Expr, loss: pl.Expr) -> pl.Expr:
    return pl.when(loss > 0).then(100.0 - 100.0 / (1.0 + gain / loss)).otherwise(100.0)


def true_range(high: pl.Expr, low: pl.Expr, close: pl.Expr) -> pl.Expr:
    """True range per bar: max(h-l, |h-pc|, |l-pc|); null for the first bar, which has no previous close."""
    previous = close.shift(1)
    span = pl.max_horizontal(high - low, (high - previous).abs(), (low - previous).abs())
    return pl.when(previous.is_not_null()).then(span)


def atr(high: pl.Expr, low: pl.Expr, close: pl.Expr, traded: pl.Expr, n: int = ATR_PERIOD) -> pl.Expr:
    """R-IND-04: simple mean of the last `n` true ranges of traded bars, fewer give the mean of those.

    Halted bars carry zero highs and lows and are left out. Null below two traded bars: unknown, not zero.
    """
    ranges = true_range(high.filter(traded), low.filter(traded), close.filter(traded))
    return ranges.drop_nulls().tail(n).mean()


def with_terms(bars: pl.DataFrame, n: int = RSI_PERIOD) -> pl.DataFrame:
    """Add gain_, loss_, weight_ and range_ to daily bars sorted by code and date: RSI and ATR at a third of the cost.

    They are computed over the whole market at once, so that the groups only sum (`rsi_of_terms`, `simple_rsi_of_terms`,
    `atr_of_terms`). `weight_` is Wilder's weight of a row counted from its code's last one; `range_` is null on halts.
    """
    number = pl.col("code_number_")
    change = pl.when(number == number.shift(1)).then(pl.col("close_krw") - pl.col("close_krw").shift(1))
    age = (pl.int_range(pl.len(), 0, -1) - 1).over(number).cast(pl.Float64)
    traded = ~pl.col("is_halted")
    last_close, last_number = (
        pl.when(traded).then(column).forward_fill().shift(1) for column in (pl.col("close_krw"), number)
    )
    high, low = pl.col("high_krw"), pl.col("low_krw")
    span = pl.max_horizontal(high - low, (high - last_close).abs(), (low - last_close).abs())
    numbered = bars.with_columns(code_number_=pl.col("code").rle_id())
    return numbered.with_columns(
        change.clip(lower_bound=0).cast(pl.Float64).alias("gain_"),
        (-change).clip(lower_bound=0).cast(pl.Float64).alias("loss_"),
        pl.lit((n - 1) / n).pow(age).alias("weight_"),
        pl.when(traded & (last_number == number)).then(span).cast(pl.Float64).alias("range_"),
    ).drop("code_number_")


def rsi_of_terms(n: int = RSI_PERIOD) -> pl.Expr:
    """`rsi_wilder` per code over `with_terms` rows."""
    gain, loss = (_weighted(pl.col(name), n) for name in ("gain_", "loss_"))
    moved = (pl.col("gain_").sum() + pl.col("loss_").sum()) > 0
    return pl.when((pl.len() >= n + 1) & moved).then(_strength(gain, loss))


def _weighted(part: pl.Expr, n: int) -> pl.Expr:
    seed = part.slice(1, n).mean() * pl.col("weight_").get(n, null_on_oob=True)
    return seed + (part * pl.col("weight_")).slice(n + 1).sum() / n


def simple_rsi_of_terms(n: int = RSI_PERIOD) -> pl.Expr:
    """`rsi_simple` per code over `with_terms` rows."""
    gain, loss = pl.col("gain_").tail(n).mean(), pl.col("loss_").tail(n).mean()
    return pl.when((pl.len() >= n + 1) & (gain + loss > 0)).then(_strength(gain, loss))


def atr_of_terms(n: int = ATR_PERIOD) -> pl.Expr:
    """`atr` per code over `with_terms` rows."""
    return pl.col("range_").drop_nulls().tail(n).mean()


def return_pct(close: pl.Expr, n: int) -> pl.Expr:
    """(c[-1] / c[-n] - 1) x 100 with c[-1] the last value; null below `n` values."""
    return pl.when(close.len() >= n).then((close.last() / close.tail(n).first() - 1.0) * 100.0)


def macd_histogram(close: pl.Expr) -> pl.Expr:
    """R-IND-07: running MACD(12,26,9) histogram."""
    line = ema(close, 12) - ema(close, 26)
    return line - ema(line, 9)
