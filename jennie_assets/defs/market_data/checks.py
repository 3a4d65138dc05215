"""Is the market data there, complete and possible? A backfill is judged over all its sessions."""

from datetime import date

import dagster as dg
import polars as pl
from sqlalchemy import func, select

from jennie_assets.checking import Level, Verdict, checked
from jennie_assets.partitions import CALENDAR
from jennie_assets.platform import Platform
from jennie_assets.run_facts import RunFacts
from jennie_infra.db.market import (
    IndexDailyPrice,
    StockDailyPrice,
    StockFundamentals,
    StockInvestorTrading,
    StockMaster,
)
from jennie_infra.db.repositories import market_prices as prices
from jennie_infra.db.repositories.market_bulk import read_frame

LEAST_COVERAGE = 0.80
MOST_DRIFT = 0.10
MOST_SHOWN = 10
LIMIT_PCT = 30.5
LEAST_MASTER = 0.90


def _counts(run: RunFacts, platform: Platform) -> pl.DataFrame:
    with platform.market.connect() as connection:
        return prices.daily_price_counts(connection, run.days[0], run.days[-1])


def _shown(days: list[date]) -> str:
    text = ", ".join(day.isoformat() for day in days[:MOST_SHOWN])
    return text if len(days) <= MOST_SHOWN else f"{text} and {len(days) - MOST_SHOWN} more"


@checked(asset="daily_prices", level=Level.BLOCKING)
def freshness(run: RunFacts, platform: Platform) -> Verdict:
    """Every closed session of the run has bars, the last one included."""
    there = set(_counts(run, platform)["trade_date"])
    missing = [day for day in run.days if day not in there]
    if missing:
        return Verdict(False, f"no bars for {_shown(missing)}", {"missing_sessions": len(missing)})
    return Verdict(True, f"bars up to {run.days[-1]}")


@checked(asset="daily_prices", level=Level.BLOCKING)
def coverage(run: RunFacts, platform: Platform) -> Verdict:
    """No session has far fewer bars than the sessions before it."""
    first = CALENDAR.previous_session(run.days[0], 20)
    with platform.market.connect() as connection:
        counts = prices.daily_price_counts(connection, first, run.days[-1])
    if counts.height == 0:
        return Verdict(False, f"no bars between {first} and {run.days[-1]}")
    usual = counts.with_columns(usual=pl.col("rows").rolling_median(20, min_samples=1))
    thin = usual.filter(pl.col("trade_date").is_in(run.days) & (pl.col("rows") < LEAST_COVERAGE * pl.col("usual")))
    if thin.height:
        return Verdict(
            False,
            f"fewer than {LEAST_COVERAGE:.0%} of the usual codes on {_shown(thin['trade_date'].to_list())}",
            {
                "thin_sessions": dg.MetadataValue.json(
                    [f"{row[0]}: {row[1]}" for row in thin.head(MOST_SHOWN).iter_rows()]
                )
            },
        )
    return Verdict(True, f"{int(counts['rows'][-1])} codes on {counts['trade_date'][-1]}")


@checked(asset="daily_prices", level=Level.BLOCKING)
def ohlc_sanity(run: RunFacts, platform: Platform) -> Verdict:
    """No bar has a high below its low or a price of zero or less while it traded."""
    counts = _counts(run, platform)
    bad = counts.filter(pl.col("impossible") > 0)
    if bad.height:
        rows = int(bad["impossible"].sum())
        return Verdict(
            False, f"{rows} impossible bars on {_shown(bad['trade_date'].to_list())}", {"impossible_rows": rows}
        )
    return Verdict(True, f"{int(counts['rows'].sum())} bars, {int(counts['halted'].sum())} halted")


@checked(asset="daily_prices", level=Level.BLOCKING)
def uniqueness(run: RunFacts, platform: Platform) -> Verdict:
    """One bar per code on the last session."""
    t = prices.table_of(StockDailyPrice).c
    with platform.market.connect() as connection:
        rows, codes = connection.execute(
            select(func.count(), func.count(t.stock_code.distinct())).where(t.trade_date == run.days[-1])
        ).one()
    return Verdict(rows == codes, f"{rows} bars of {codes} codes on {run.days[-1]}")


@checked(asset="daily_prices", level=Level.WARN)
def row_drift(run: RunFacts, platform: Platform) -> Verdict:
    """The number of bars is within 10 % of the session before."""
    before = CALENDAR.previous_session(run.days[-1])
    with platform.market.connect() as connection:
        counts = dict(
            prices.daily_price_counts(connection, before, run.days[-1]).select("trade_date", "rows").iter_rows()
        )
    if before not in counts:
        return Verdict(True, f"nothing to compare with on {before}")
    if run.days[-1] not in counts:
        return Verdict(False, f"no bars on {run.days[-1]}")
    drift = counts[run.days[-1]] / counts[before] - 1.0
    return Verdict(abs(drift) <= MOST_DRIFT, f"{counts[before]} -> {counts[run.days[-1]]} bars ({drift:+.1%})")


@checked(asset="daily_prices", level=Level.WARN)
def price_limits(run: RunFacts, platform: Platform) -> Verdict:
    """No close of the last session is beyond the daily limit from the close before: a corporate action or a fault."""
    before = CALENDAR.previous_session(run.days[-1])
    with platform.market.connect() as connection:
        bars = prices.read_daily_prices(connection, before, run.days[-1])
    moves = bars.with_columns(
        change=(pl.col("close_krw") / pl.col("close_krw").shift(1).over("code") - 1.0) * 100.0
    ).filter((pl.col("trade_date") == run.days[-1]) & (pl.col("change").abs() > LIMIT_PCT))
    shown = [f"{row['code']} {row['change']:+.1f}%" for row in moves.head(MOST_SHOWN).to_dicts()]
    return Verdict(moves.height == 0, f"{moves.height} closes beyond the limit", {"rows": ", ".join(shown)})


@checked(asset="index_prices", level=Level.WARN)
def index_is_fresh(run: RunFacts, platform: Platform) -> Verdict:
    """KOSPI has a level on every session of the run (R-MACD-07: the council refuses older ones)."""
    t = prices.table_of(IndexDailyPrice).c
    statement = select(t.trade_date).where(
        t.index_code == "KOSPI", t.trade_date >= run.days[0], t.trade_date <= run.days[-1]
    )
    with platform.market.connect() as connection:
        there = set(read_frame(connection, statement, {"trade_date": pl.Date})["trade_date"])
    missing = [day for day in run.days if day not in there]
    return Verdict(not missing, f"no KOSPI level on {_shown(missing)}" if missing else f"levels up to {run.days[-1]}")


@checked(asset="investor_flows", level=Level.WARN)
def flows_present(run: RunFacts, platform: Platform) -> Verdict:
    """The last session of the run has flows; without them supply and demand stay unknown."""
    t = prices.table_of(StockInvestorTrading).c
    with platform.market.connect() as connection:
        rows = connection.execute(select(func.count()).where(t.trade_date == run.days[-1])).scalar_one()
    return Verdict(rows > 0, f"{rows} codes with flows on {run.days[-1]}")


@checked(asset="stock_master", level=Level.BLOCKING)
def master_coverage(run: RunFacts, platform: Platform) -> Verdict:
    """The master knows the codes that have a bar on its session."""
    bar, master = prices.table_of(StockDailyPrice).c, prices.table_of(StockMaster).c
    with platform.market.connect() as connection:
        rows = connection.execute(select(func.count()).where(master.as_of == run.day)).scalar_one()
        priced = connection.execute(select(func.count()).where(bar.trade_date == run.day)).scalar_one()
        known = connection.execute(
            select(func.count()).where(
                bar.trade_date == run.day, bar.stock_code.in_(select(master.stock_code).where(master.as_of == run.day))
            )
        ).scalar_one()
    if priced == 0:
        return Verdict(False, f"no bars on {run.day} to compare {rows} listings with")
    return Verdict(known / priced >= LEAST_MASTER, f"{known} of {priced} priced codes are listed", {"listings": rows})


@checked(asset="fundamentals", level=Level.WARN)
def statements_present(run: RunFacts, platform: Platform) -> Verdict:
    """Some stock has a filed statement; without them quality and value stay unknown."""
    t = prices.table_of(StockFundamentals).c
    with platform.market.connect() as connection:
        rows = connection.execute(select(func.count()).where(t.as_of == run.day)).scalar_one()
    return Verdict(rows > 0, f"{rows} codes with a statement")


@checked(asset="close_prices", level=Level.WARN)
def close_prices_present(run: RunFacts, platform: Platform) -> Verdict:
    """Listed and held codes have a bar of the day after the close."""
    from jennie_assets.gateway_reads import watched_codes

    codes = set(watched_codes(platform, run.day))
    with platform.market.connect() as connection:
        there = set(prices.read_daily_prices(connection, run.day, run.day)["code"])
    missing = sorted(codes - there)
    return Verdict(not missing, f"{len(codes) - len(missing)} of {len(codes)} codes", {"missing": ", ".join(missing)})


CHECKS = (
    freshness, coverage, ohlc_sanity, uniqueness, row_drift, price_limits, index_is_fresh, flows_present,
    master_coverage, statements_present, close_prices_present,
)  # fmt: skip
