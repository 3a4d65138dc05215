"""CSV files as people have them: headers in two languages, cp949, dotted dates, codes in the file name."""

from datetime import date
from pathlib import Path

import pytest

from jennie_infra.sources.daily_csv import read_daily_csv
from jennie_infra.sources.errors import DataFileError


def test_korean_headers_in_cp949_and_a_code_in_the_name(tmp_path: Path) -> None:
    path = tmp_path / "A005930.csv"
    path.write_bytes(
        '일자,시가,고가,저가,종가,거래량\n20250311,100,110,90,105,1000.0\n20250310,"1,000",1010,990,1005,7\n'.encode(
            "cp949"
        )
    )
    bars = read_daily_csv(path).bars
    assert bars.select("code", "trade_date", "open_krw", "volume").rows() == [
        ("005930", date(2025, 3, 10), 1_000, 7), ("005930", date(2025, 3, 11), 100, 1_000),
    ]  # fmt: skip


def test_nameless_dotted_dates_newest_first(tmp_path: Path) -> None:
    path = tmp_path / "x_005930.csv"
    path.write_text(
        ",close,open,high,low,volume\n2025.03.11,105.0,100.0,110.0,90.0,10\n2025.03.10,105.0,100.0,110.0,90.0,10\n"
    )
    assert read_daily_csv(path, start=date(2025, 3, 11)).bars["trade_date"].to_list() == [date(2025, 3, 11)]


def test_rows_are_counted_as_lines_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "005930.csv"
    path.write_text("date,open,high,low,close,volume\n2025-03-10,100,110,90,105,10\n2025-03-11,100,110,90,abc,10\n")
    with pytest.raises(DataFileError, match=r"005930\.csv, row 3, column close, value 'abc'"):
        read_daily_csv(path)


def test_a_file_without_any_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("date,open,high,low,close,volume\n2025-03-10,100,110,90,105,10\n")
    with pytest.raises(DataFileError, match="column code"):
        read_daily_csv(path)
