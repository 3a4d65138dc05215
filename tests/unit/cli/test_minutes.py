"""Minute bars of a market folder: found by day, the shorter ones first, refused in one line when they do not fit."""

from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import pytest

from jennie_cli.errors import UserError
from jennie_cli.minutes import minute_bars
from jennie_sim.market.hours import MINUTE_MS
from tests.conftest import REAL_DATA

DAY = date(2025, 6, 27)


def write(folder: Path, name: str, codes: tuple[str, ...], minutes: int, day: date = DAY, **changes: object) -> None:
    start = datetime.combine(day, time(9))
    prices = {"open": 100.0, "high": 102.0, "low": 99.0, "close": 101.0}
    rows = [
        {"code": code, "datetime_kst": start + timedelta(minutes=minutes * n), **prices, "volume": 10 * n} | changes
        for code in codes
        for n in range(4)
    ]
    (folder / "intraday").mkdir(exist_ok=True)
    pl.DataFrame(rows).write_parquet(folder / "intraday" / f"{name}.parquet")


def test_a_folder_without_bars_has_none(tmp_path: Path) -> None:
    bars, notes = minute_bars(tmp_path, DAY)
    assert bars.is_empty()
    assert notes == []


def test_bars_of_the_day_alone_are_taken_and_the_shorter_go_first(tmp_path: Path) -> None:
    write(tmp_path, "five", ("000010", "000020"), 5)
    write(tmp_path, "one", ("000020",), 1)
    write(tmp_path, "other", ("000030",), 1, day=date(2025, 6, 26))
    bars, notes = minute_bars(tmp_path, DAY)
    widths = bars.group_by("code", maintain_order=True).agg(pl.col("start").diff().min())
    assert widths.rows() == [("000010", 5 * MINUTE_MS), ("000020", MINUTE_MS)]
    assert bars["start"].min() == 9 * 60 * MINUTE_MS
    assert [note.en for note in notes] == [
        "2 codes follow real 5-minute bars of five.parquet.",
        "1 codes follow real 1-minute bars of one.parquet.",
    ]


def test_broken_rows_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "broken", ("000010",), 1, low=0.0)
    write(tmp_path, "good", ("000020",), 1)
    assert minute_bars(tmp_path, DAY)[0]["code"].unique().to_list() == ["000020"]


@pytest.mark.parametrize("minutes", [2, 60])
def test_bars_of_another_length_are_refused(tmp_path: Path, minutes: int) -> None:
    write(tmp_path, "odd", ("000010",), minutes)
    with pytest.raises(UserError, match=f"odd.parquet: bars are {minutes} minutes apart; 1 or 5 are understood"):
        minute_bars(tmp_path, DAY)


def test_a_single_bar_of_unknown_length_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "one", ("000010",), 1)
    bars = pl.read_parquet(tmp_path / "intraday" / "one.parquet").head(1)
    bars.write_parquet(tmp_path / "intraday" / "one.parquet")
    with pytest.raises(UserError, match=r"one\.parquet: one bar a code does not tell"):
        minute_bars(tmp_path, DAY)


def test_a_file_that_is_none_or_lacks_a_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "intraday").mkdir()
    (tmp_path / "intraday" / "bad.parquet").write_text("no parquet")
    with pytest.raises(UserError, match=r"MARKET_DATA: .*bad\.parquet: cannot be read"):
        minute_bars(tmp_path, DAY)
    pl.DataFrame({"code": ["1"], "datetime_kst": [datetime.combine(DAY, time(9))]}).write_parquet(
        tmp_path / "intraday" / "bad.parquet"
    )
    with pytest.raises(UserError, match="lacks the column open"):
        minute_bars(tmp_path, DAY)


@pytest.mark.realdata
def test_the_real_five_minute_bars_of_a_crash_day_are_understood() -> None:
    bars, _ = minute_bars(REAL_DATA, date(2020, 3, 19))
    assert bars["code"].n_unique() == 28
    by_code = bars.group_by("code").agg(pl.len(), pl.col("start").min())
    assert by_code["len"].min() >= 60
    assert set(by_code["start"]) == {9 * 60 * MINUTE_MS}
