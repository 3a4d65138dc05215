"""Market folders for the source tests: small ones written here, and the real one where it exists."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

REPOSITORY = Path(__file__).resolve().parents[3]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "realdata: reads the real market data named by JENNIE_TEST_DATA")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of JENNIE_TEST_DATA, `../shared/data` beside the checkout by default; skips only if absent."""
    folder = Path(os.environ.get("JENNIE_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"JENNIE_TEST_DATA: {folder} does not exist")
    return folder


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
