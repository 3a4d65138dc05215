"""A market folder is read whole or refused in one line that names file, row, column, value and rule."""

import gzip
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from jennie_core.scoring import frames
from jennie_infra.sources.errors import DataFileError, MissingDataError, UnknownDayError
from jennie_infra.sources.files import MarketFolder
from jennie_infra.sources.inspect import inspect_folder
from jennie_infra.sources.protocol import MarketDataSource

MONDAY = date(2025, 3, 10)
GOOD = ("005930", MONDAY, 100, 110, 90, 105, 1_000)
WHOLE = (date(2025, 1, 1), date(2025, 12, 31))


def changed(**values: Any) -> tuple[Any, ...]:
    names = ("code", "date", "open", "high", "low", "close", "volume")
    return tuple(values.get(name, value) for name, value in zip(names, GOOD, strict=True))


@pytest.mark.parametrize(
    ("row", "column", "rule"),
    [
        (changed(code="5930"), "code", "six ascii"),
        (changed(code=None), "code", "missing"),
        (changed(date=date(2025, 3, 9)), "date", "weekend"),
        (changed(date=None), "date", "missing"),
        (changed(close=0), "close", "close of 0"),
        (changed(close=-1), "close", "negative"),
        (changed(volume=None), "volume", "missing"),
        (changed(open=0), "open", "all zero"),
        (changed(high=50), "high", "below the open"),
        (changed(low=150, high=160), "low", "above the open"),
        (GOOD, "date", "more than one row"),
        (changed(volume=2**62), "volume", "must not be above"),
        (changed(close=10**12), "close", "must not be above"),
    ],
)
def test_one_bad_bar_refuses_the_file(write_daily: Any, row: Any, column: str, rule: str) -> None:
    folder = write_daily([GOOD, row])
    with pytest.raises(DataFileError) as caught:
        MarketFolder(folder).daily_prices(*WHOLE)
    error = caught.value
    assert (error.file.name, error.column) == ("bars.parquet", column)
    assert error.row in (1, 2)
    assert rule in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_a_close_that_is_no_price_is_refused(tmp_path: Path, value: float) -> None:
    (tmp_path / "daily").mkdir()
    frame = pl.DataFrame([GOOD], schema=["code", "date", "open", "high", "low", "close", "volume"], orient="row")
    frame.with_columns(pl.lit(value).alias("close")).write_parquet(tmp_path / "daily" / "x.parquet")
    with pytest.raises(DataFileError, match=r"^x\.parquet, row 1, column close"):
        MarketFolder(tmp_path).daily_prices(*WHOLE)


def test_codes_written_as_numbers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "daily").mkdir()
    frame = pl.DataFrame([GOOD], schema=["code", "date", "open", "high", "low", "close", "volume"], orient="row")
    frame.with_columns(pl.col("code").cast(pl.Int64)).write_parquet(tmp_path / "daily" / "x.parquet")
    with pytest.raises(DataFileError, match="codes must be text"):
        MarketFolder(tmp_path).daily_prices(*WHOLE)


def test_a_file_that_is_no_parquet_is_named(write_daily: Any) -> None:
    folder = write_daily([GOOD])
    (folder / "daily" / "broken.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataFileError, match=r"broken\.parquet.*not a readable Parquet file"):
        MarketFolder(folder).daily_prices(*WHOLE)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "daily").mkdir()
    pl.DataFrame({"code": ["005930"], "date": [MONDAY]}).write_parquet(tmp_path / "daily" / "x.parquet")
    with pytest.raises(DataFileError, match=r"x\.parquet, column open: the column is missing"):
        MarketFolder(tmp_path).daily_prices(*WHOLE)


@pytest.mark.rule("R-DATA-02")
def test_a_halted_session_is_kept_and_marked(write_daily: Any) -> None:
    folder = write_daily([GOOD, ("005935", MONDAY, 0, 0, 0, 105, 0)])
    prices = MarketFolder(folder).daily_prices(*WHOLE)
    frames.require(prices, frames.DAILY_PRICES, "prices")
    assert prices.select("code", "is_halted", "close_krw").rows() == [("005930", False, 105), ("005935", True, 105)]


def test_equal_bars_of_two_files_count_once_and_different_ones_refuse(write_daily: Any) -> None:
    folder = write_daily([GOOD])
    write_daily([GOOD], name="again.parquet")
    assert MarketFolder(folder).daily_prices(*WHOLE).height == 1
    write_daily([changed(close=104)], name="again.parquet")
    with pytest.raises(DataFileError, match=r"again\.parquet and bars\.parquet disagree"):
        MarketFolder(folder).daily_prices(*WHOLE)


def test_a_crosscheck_file_is_not_read(write_daily: Any) -> None:
    folder = write_daily([GOOD])
    write_daily([changed(close=104)], name="krx_daily_crosscheck.parquet")
    assert MarketFolder(folder).daily_prices(*WHOLE)["close_krw"].to_list() == [105]


@pytest.mark.rule("R-ENR-06", "R-ENR-11")
def test_datasets_that_are_absent_are_empty_and_typed(write_daily: Any) -> None:
    source: MarketDataSource = MarketFolder(write_daily([GOOD]))
    assert source.index_daily(*WHOLE).schema == pl.Schema(dict(frames.INDEX_DAILY))
    assert source.macro_daily(MONDAY, MONDAY).schema == pl.Schema(dict(frames.MACRO_DAILY))
    assert source.market_caps(MONDAY).schema == pl.Schema(dict(frames.MARKET_CAPS))
    assert source.fundamentals(MONDAY).schema == pl.Schema(dict(frames.FUNDAMENTALS))
    assert source.investor_flows(*WHOLE).schema == pl.Schema(dict(frames.INVESTOR_FLOWS))
    assert source.headlines(*WHOLE).schema == pl.Schema(dict(frames.HEADLINES))
    master = frames.require(source.stock_master(MONDAY), frames.STOCK_MASTER, "master")
    assert master.row(0) == ("005930", None, None, None, None, None, None)
    assert source.describe()["flows"] == "absent: unknown"


@pytest.mark.rule("R-DATA-01")
def test_the_newest_snapshot_not_later_than_the_day_counts(write_daily: Any) -> None:
    folder = write_daily([GOOD])
    (folder / "marketcap").mkdir()
    days = [MONDAY - timedelta(days=9), MONDAY - timedelta(days=2), MONDAY + timedelta(days=1)]
    pl.DataFrame(
        {"code": ["005930"] * 3, "name": ["옛이름", "새이름", "먼이름"], "market": ["KOSDAQ", "KOSPI", "KONEX"],
         "date": days, "market_cap_krw": [1, 2, 3], "shares_outstanding": [1, 1, 1]}
    ).write_parquet(folder / "marketcap" / "krx_marketcap_snapshots_x.parquet")  # fmt: skip
    source = MarketFolder(folder)
    assert source.market_caps(MONDAY).select("snapshot_date", "market_cap_krw").rows() == [(days[1], 2)]
    assert source.stock_master(MONDAY).select("name", "market", "asset_kind").row(0) == ("새이름", "KOSPI", "COMMON")


@pytest.mark.rule("R-DATA-10", "R-ENR-05")
def test_statements_count_from_their_filing_date(write_daily: Any) -> None:
    folder = write_daily([GOOD])
    (folder / "fundamentals").mkdir()
    pl.DataFrame(
        {"code": ["005930"] * 2, "fiscal_year": [2023, 2024], "filing_date": [date(2024, 3, 20), date(2025, 3, 18)],
         "roe": [5.0, 9.0], "net_income": [1e12, 2e12], "total_equity": [1e13, 2e13]}
    ).write_parquet(folder / "fundamentals" / "krx_annual_ratios_x.parquet")  # fmt: skip
    source = MarketFolder(folder)
    assert source.fundamentals(date(2025, 3, 17))["period"].to_list() == ["2023"]
    assert source.fundamentals(date(2025, 3, 18))["period"].to_list() == ["2024"]
    assert source.fundamentals(date(2027, 3, 18)).height == 0


@pytest.mark.rule("R-DATA-10")
def test_undated_statements_count_after_their_lag_and_zero_is_no_data(write_daily: Any) -> None:
    folder = write_daily([GOOD])
    (folder / "fundamentals").mkdir()
    pl.DataFrame(
        {"code": ["005930"] * 3, "period": ["201909", "2018", "201906"], "period_kind": ["CY", "Y", "CY"],
         "net_income": [10, 20, 0], "net_income_parent": [9, 0, 0], "total_equity": [100, 200, 0],
         "equity_parent": [0, 0, 0]}
    ).write_parquet(folder / "fundamentals" / "krx_financials_x.parquet")  # fmt: skip
    source = MarketFolder(folder)
    assert source.fundamentals(date(2019, 3, 30)).height == 0
    assert source.fundamentals(date(2019, 3, 31))["period"].to_list() == ["2018"]
    assert source.fundamentals(date(2019, 11, 13))["period"].to_list() == ["2018"]
    row = source.fundamentals(date(2019, 11, 14)).row(0, named=True)
    assert (row["period"], row["net_income_krw"], row["total_equity_krw"]) == ("201909", 9e8, 1e10)


MARCAP_OLD = '"Code","Name","Market","Dept","Close","ChangeCode","Changes","ChagesRatio","Open","High","Low","Volume","Amount","Marcap","Stocks","MarketId","Rank","Date"\n'  # noqa: E501 the file's own header line
MARCAP_NEW = '"Code","Name","Close","Dept","ChangeCode","Changes","ChagesRatio","Volume","Amount","Open","High","Low","Marcap","Stocks","Market","MarketId","Rank","Date"\n'  # noqa: E501 the file's own header line


def test_marcap_years_differ_in_column_order(tmp_path: Path) -> None:
    old = (
        MARCAP_OLD
        + '"005930","가","KOSPI","",100.0,"1",1.0,1.0,99.0,110.0,90.0,1000.0,1.0,5000.0,50,"STK",1,"2024-03-11"\n'
    )
    new = MARCAP_NEW + (
        '"005930","가",105.0,"",1,1.0,1.0,1000.0,1.0,100.0,110.0,90.0,5250.0,50,"KOSPI","STK",1,"2025-03-10"\n'
        '"0126Z0","나",50.0,"관리종목(소속부없음)",0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,500.0,10,"KOSDAQ GLOBAL","KSQ",2,'
        '"2025-03-10"\n'
    )
    (tmp_path / "marcap-2024.csv.gz").write_bytes(gzip.compress(old.encode()))
    (tmp_path / "marcap-2025.csv.gz").write_bytes(gzip.compress(new.encode()))
    source = MarketFolder(tmp_path)
    prices = source.daily_prices(date(2024, 1, 1), date(2025, 12, 31))
    assert prices.select("code", "close_krw", "is_halted").rows() == [
        ("005930", 100, False), ("005930", 105, False), ("0126Z0", 50, True),
    ]  # fmt: skip
    master = source.stock_master(MONDAY)
    assert master.select("code", "market", "status").rows() == [
        ("005930", "KOSPI", None),
        ("0126Z0", "KOSDAQ", "administrative"),
    ]
    assert source.market_caps(MONDAY)["market_cap_krw"].to_list() == [5250, 500]


def test_a_truncated_gzip_is_named(tmp_path: Path) -> None:
    (tmp_path / "marcap-2025.csv.gz").write_bytes(gzip.compress(MARCAP_OLD.encode() * 99)[:60])
    with pytest.raises(DataFileError, match=r"marcap-2025\.csv\.gz: not readable"):
        MarketFolder(tmp_path).daily_prices(*WHOLE)


def test_folders_without_bars_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="no daily bars"):
        MarketFolder(tmp_path)
    with pytest.raises(MissingDataError, match="no such directory"):
        MarketFolder(tmp_path / "absent")


@pytest.fixture
def three_months(write_daily: Callable[..., Path]) -> Path:
    days = [date(2024, 12, 2) + timedelta(days=i) for i in range(98)]
    return write_daily([("005930", day, 100, 110, 90, 105, 1_000) for day in [*days, MONDAY] if day.weekday() < 5])


@pytest.mark.parametrize(
    ("day", "error", "words"),
    [
        (date(2025, 3, 9), UnknownDayError, "Sunday"),
        (date(2025, 3, 3), UnknownDayError, "KRX holiday"),
        (date(2025, 3, 11), UnknownDayError, "no bars on 2025-03-11"),
        (date(2024, 12, 30), MissingDataError, "20 sessions before 2024-12-30, 60 are needed"),
    ],
)
def test_inspection_refuses_a_day_in_one_line(
    three_months: Path, day: date, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        inspect_folder(three_months, day)
    assert "\n" not in str(caught.value)


def test_inspection_reports_what_can_be_relied_on(three_months: Path) -> None:
    report = inspect_folder(three_months, MONDAY)
    assert (report.previous_session, report.sessions_before, report.codes_on_day) == (date(2025, 3, 7), 70, 1)
    assert any("long-term factors stay unknown" in text for text in report.warnings)
    assert inspect_folder(three_months, date(2025, 3, 11), require_day=False).codes_on_day == 0
