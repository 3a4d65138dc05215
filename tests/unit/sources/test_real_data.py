"""The real market: dirty files refused with their reason, layouts read, and the whole chain on the acceptance days."""

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from jennie_core.domain.base import KST
from jennie_core.domain.enums import MarketRegime
from jennie_core.domain.trading_settings import ScoutSettings
from jennie_core.scoring.council import macro_insight, rules_replies
from jennie_core.scoring.macro_readings import collect_readings
from jennie_core.scoring.readings import MarketInputs, assemble_readings
from jennie_core.scoring.scout import RunStamp, ScoutRun, run_scout
from jennie_infra.sources.daily_csv import read_daily_csv
from jennie_infra.sources.errors import DataFileError
from jennie_infra.sources.files import MarketFolder
from jennie_infra.sources.inspect import inspect_folder
from jennie_infra.sources.marcap import marcap_files

pytestmark = pytest.mark.realdata

REFUSED = {
    "a_prefixed_korean_header_A005930.csv": ("date", "more than one row"),
    "broken_adj_close_005930.csv": ("adj_close", "adjusted close"),
    "calendar_padded_zero_rows_005930.csv": (None, "no header"),
    "close_all_zero_009540.csv": ("close", "close of 0"),
    "financials_cp949_201909.csv": ("open", "daily bars need"),
    "hourly_bars_time_lost_090430.csv": ("date", "more than one row"),
    "krx_download_cp949_20250627.csv": ("date", "daily bars need"),
    "not_csv_096300.csv": (None, "no table"),
    "ohlc_inconsistent_001800.csv": ("high", "below the open or the close"),
}
IMPORTED = {
    "descending_dotted_dates_005930.csv": "30 % limit",
    "extreme_jumps_relisted.csv": "30 % limit",
    "halted_zero_ohl_052670.csv": "halted session",
    "suspended_fractional_119650.csv": "rounded to whole won",
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_dirty_files_are_refused_in_one_line(real_data: Path, name: str) -> None:
    column, rule = REFUSED[name]
    with pytest.raises(DataFileError) as caught:
        read_daily_csv(real_data / "raw_dirty" / name)
    assert caught.value.column == column
    assert caught.value.row is not None
    assert name in str(caught.value)
    assert rule in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(IMPORTED))
def test_odd_files_are_taken_with_a_note(real_data: Path, name: str) -> None:
    imported = read_daily_csv(real_data / "raw_dirty" / name)
    assert imported.bars.height > 0
    assert any(IMPORTED[name] in str(note) and name in str(note) for note in imported.notes)


def test_every_dirty_file_is_covered(real_data: Path) -> None:
    assert {path.name for path in (real_data / "raw_dirty").iterdir()} == set(REFUSED) | set(IMPORTED)


def test_six_years_of_bars_are_read_and_keep_their_halts(real_data: Path) -> None:
    prices = MarketFolder(real_data).daily_prices(date(2019, 1, 1), date(2025, 6, 30))
    assert prices["trade_date"].n_unique() == 1_595
    assert prices["is_halted"].sum() >= 68_006
    assert prices.select("code", "trade_date").is_duplicated().sum() == 0


def test_marcap_files_of_every_year_are_read(real_data: Path, tmp_path: Path) -> None:
    for path in marcap_files(real_data):
        (tmp_path / path.name).symlink_to(path.resolve())
    source = MarketFolder(tmp_path)
    assert source.kind == "marcap"
    prices = source.daily_prices(date(2021, 1, 1), date(2025, 6, 30))
    assert prices["trade_date"].dt.year().unique().sort().to_list()[:3] == [2021, 2022, 2024]
    assert source.stock_master(date(2025, 1, 6)).filter(pl.col("status") == "administrative").height > 0


def chain(folder: Path, day: date) -> tuple[ScoutRun, MarketRegime]:
    source = MarketFolder(folder)
    report = inspect_folder(folder, day)
    last, known = report.previous_session, day - timedelta(days=1)
    inputs = MarketInputs(
        prices=source.daily_prices(last - timedelta(days=400), last),
        master=source.stock_master(last),
        market_caps=source.market_caps(last),
        fundamentals=source.fundamentals(known),
        flows=source.investor_flows(last - timedelta(days=60), last),
        headlines=source.headlines(known - timedelta(days=14), known),
    )
    at = datetime(day.year, day.month, day.day, 8, 30, tzinfo=KST)
    readings = collect_readings(
        market_day=day,
        previous_session=last,
        index_daily=source.index_daily(last - timedelta(days=300), last),
        macro=source.macro_daily(day - timedelta(days=60), day),
        readings=assemble_readings(inputs, as_of=last, known_by=known),
        market_flows=source.market_flows(last - timedelta(days=20), last),
    )
    insight = macro_insight(
        readings, rules_replies(readings), run_id="r", known_at=at, expires_at=at + timedelta(days=1)
    )
    run = run_scout(
        inputs,
        stamp=RunStamp("r", day, at, at + timedelta(days=1)),
        as_of=last,
        known_by=known,
        regime=insight.market_regime,
        settings=ScoutSettings(),
    )
    return run, insight.market_regime


@pytest.mark.parametrize(
    ("day", "tradable", "bear"),
    [(date(2025, 6, 27), True, False), (date(2024, 8, 5), True, True), (date(2020, 3, 19), False, True)],
)
def test_the_chain_runs_on_the_acceptance_days(real_data: Path, day: date, tradable: bool, bear: bool) -> None:
    """Coverage reaches 0.55 where statements and market values are known; in March 2020 they are not."""
    run, regime = chain(real_data, day)
    assert run.universe.members.height == 200
    assert (regime is MarketRegime.STRONG_BEAR) == bear
    assert bool(run.watchlist.entries) == tradable
    covered = run.scores.filter(pl.col("coverage_ratio") >= 0.55).height
    assert covered >= 180 if tradable else covered == 0
    assert all(entry.is_tradable for entry in run.watchlist.entries)
