"""Market value carried to the last session, and PER, PBR, ROE from filed statements; unknown stays null."""

from datetime import date

import polars as pl

from jennie_core.scoring.frames import FUNDAMENTALS, MARKET_CAPS, require, require_known


def market_cap_now(market_caps: pl.DataFrame, prices: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """Carry each code's newest market value to its last close: code, market_cap_krw Float64, market_cap_date Date.

    Input: `MARKET_CAPS` (snapshots up to `as_of`) and `DAILY_PRICES`. A snapshot of an earlier session is moved by the
    return since then, which is right for adjusted and unadjusted prices alike as long as no shares were issued. Null
    where the snapshot's session is not in the price history: too old to carry, so unknown.
    """
    require_known(require(market_caps, MARKET_CAPS, "market caps"), "snapshot_date", as_of, "market caps")
    closes = prices.lazy().filter(pl.col("trade_date") <= as_of).select("code", "trade_date", "close_krw")
    last_close = pl.col("close_krw").get(pl.col("trade_date").arg_max()).alias("last_close")
    newest = closes.group_by("code").agg(last_close)
    snapshots = market_caps.lazy().rename({"snapshot_date": "trade_date"})
    keys = ["code", "trade_date"]
    on_the_day = closes.join(snapshots.select(keys), on=keys, how="semi")
    then = snapshots.join(on_the_day, on=keys, how="left").join(newest, on="code", how="left").collect()
    carried = carried_cap(pl.col("last_close"), close_then=pl.col("close_krw"))
    return then.select("code", carried.alias("market_cap_krw"), pl.col("trade_date").alias("market_cap_date"))


def carried_cap(close_now: pl.Expr, *, close_then: pl.Expr) -> pl.Expr:
    """market_cap_krw moved from its snapshot's close to `close_now`; in Float64, as won times won overflow Int64."""
    return pl.col("market_cap_krw").cast(pl.Float64) * close_now / close_then


def valuation(fundamentals: pl.DataFrame, caps_now: pl.DataFrame, *, known_by: date) -> pl.DataFrame:
    """One row per code with a statement: code, per, pbr, roe_pct, fundamentals_known_on.

    PER = market value / net income and PBR = market value / equity; both may be negative (a loss, a deficit), which is
    known and bad, while null is unknown. A net income or equity of exactly 0 is how sources write "no figure".
    ROE is the filed one, else net income / equity where equity is positive.
    """
    require_known(require(fundamentals, FUNDAMENTALS, "fundamentals"), "known_on", known_by, "fundamentals")
    return fundamentals.join(caps_now, on="code", how="left").select("code", *ratios())


def ratios() -> list[pl.Expr]:
    """per, pbr, roe_pct and fundamentals_known_on of `FUNDAMENTALS` rows that carry market_cap_krw."""
    income, equity = pl.col("net_income_krw"), pl.col("total_equity_krw")
    derived_roe = pl.when((equity > 0) & (income != 0)).then(income / equity * 100.0)
    cap = pl.col("market_cap_krw")
    return [
        pl.when(income != 0).then(cap / income).alias("per"),
        pl.when(equity != 0).then(cap / equity).alias("pbr"),
        pl.coalesce(pl.col("roe_pct"), derived_roe).alias("roe_pct"),
        pl.col("known_on").alias("fundamentals_known_on"),
    ]
