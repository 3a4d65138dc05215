"""Market folders for the source tests: small ones written here, and the real one where it exists."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import REAL_DATA


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real bars; tests that are marked `realdata` are collected only where it is."""
    return REAL_DATA


Bar = tuple[str, date, int, int, int, int, int]


@pytest.fixture
def write_daily(tmp_path: Path) -> Callable[..., Path]:
    """Write bars to `daily/<name>` of a fresh folder and return the folder."""

    def write(rows: list[Bar], name: str = "bars.parquet") -> Path:
        (tmp_path / "daily").mkdir(exist_ok=True)
        names = ["code", "date", "open", "high", "low", "close", "volume"]
        pl.DataFrame(rows, schema=names, orient="row").write_parquet(tmp_path / "daily" / name)
        return tmp_path

    return write
