"""Bad input ends in one clear line that names the thing, an exit code, nothing running and nothing half-written."""

import os
import socket
import stat
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from jennie_cli.main import app
from jennie_core.krx.calendar import KrxCalendar
from tests.e2e.house import House, processes_of

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def house(new_house: Callable[[], House]) -> House:
    return new_house()


@pytest.fixture(autouse=True)
def _in_its_folder(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most refusals come before any process starts: the command runs inside the test, as `jennie` would."""
    monkeypatch.chdir(house.var_dir)
    for name in os.environ:
        if name.startswith("JENNIE_"):
            monkeypatch.delenv(name)


def refusal(house: House, *arguments: str, **changes: str) -> str:
    """The one line of a rehearsal that must refuse; checks everything but the words."""
    before = _written(house)
    changes = {"JENNIE_VAR_DIR": str(house.var_dir), **changes}
    words = ["rehearse", "--plain", "--port-base", str(house.port_base), *arguments]
    answer = CliRunner().invoke(app, words, env=changes, catch_exceptions=False)
    return _one_line(house, before, answer.exit_code, answer.stdout, answer.stderr)


def _one_line(house: House, before: set[str], code: int, output: str, errors: str) -> str:
    assert code == 2, output + errors
    lines = errors.strip().splitlines()
    assert len(lines) == 1, errors
    assert lines[0].startswith("jennie: ")
    assert processes_of(house.var_dir) == []
    assert _written(house) == before
    return lines[0]


def _written(house: House) -> set[str]:
    """Every file in the state folder that no test put there."""
    return {
        str(path.relative_to(house.var_dir))
        for path in house.var_dir.rglob("*")
        if path.is_file() and path != house.output and "market-" not in path.parts[len(house.var_dir.parts)]
    }


def _market(folder: Path, bar: dict[str, int]) -> date:
    """A market folder of one stock with the same bar on seventy sessions; returns the last of them."""
    (folder / "daily").mkdir(parents=True)
    calendar, day = KrxCalendar.shipped(), date(2025, 6, 27)
    days = calendar.sessions_between(calendar.previous_session(day, 70), day)
    pl.DataFrame({"code": ["005930"] * len(days), "date": days}).with_columns(
        pl.lit(value).alias(name) for name, value in bar.items()
    ).write_parquet(folder / "daily" / "krx_daily_2025.parquet")
    return day


def test_an_unknown_day_is_named_with_the_way_to_write_it(house: House) -> None:
    assert "DAY=2025-06-31" in refusal(house, "--day", "2025-06-31")


@pytest.mark.parametrize("day", ["2026-03-01", "2025-10-06"], ids=["sunday", "chuseok"])
def test_a_day_without_a_market_is_named(house: House, day: str) -> None:
    assert day in refusal(house, "--day", day)


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("--speed", "nan", "SPEED=nan"),
        ("--speed", "0", "SPEED=0"),
        ("--seed", "abc", "SEED=abc"),
        ("--port-base", "99999", "PORT_BASE=99999"),
        ("--fail-check", "nonsense", "FAIL_CHECK=nonsense"),
        ("--day", "2099-01-04", "DAY=2099-01-04"),
        ("--day", "2000-03-02", "DAY=2000-03-02"),
    ],
)
def test_a_value_that_cannot_be_is_named(house: House, option: str, value: str, named: str) -> None:
    assert named in refusal(house, option, value)


def test_a_broken_file_that_only_the_data_plane_reads_is_named_before_the_start(house: House) -> None:
    folder = house.var_dir / "market-macro"
    day = _market(folder, {"open": 1000, "high": 1100, "low": 900, "close": 1000, "volume": 10})
    (folder / "macro").mkdir()
    (folder / "macro" / "macro_daily.parquet").write_text("junk")
    assert "macro_daily.parquet" in refusal(house, "--market-data", "market-macro", "--day", day.isoformat())


def test_an_end_before_the_open_is_named(house: House) -> None:
    assert "--until 08:00" in refusal(house, "--until", "08:00")


def test_a_market_folder_that_is_not_there_is_named(house: House) -> None:
    assert "market-absent" in refusal(house, "--market-data", "market-absent")


def test_an_empty_market_folder_is_named(house: House) -> None:
    (house.var_dir / "market-empty").mkdir()
    assert "market-empty" in refusal(house, "--market-data", "market-empty", "--day", "2025-06-27")


def test_text_that_calls_itself_parquet_is_named(house: House) -> None:
    daily = house.var_dir / "market-text" / "daily"
    daily.mkdir(parents=True)
    (daily / "krx_daily_2025.parquet").write_text("code,date,open\n005930,2025-06-26,60000\n")
    assert "krx_daily_2025.parquet" in refusal(house, "--market-data", "market-text", "--day", "2025-06-27")


def test_a_missing_column_is_named_with_its_file(house: House) -> None:
    daily = house.var_dir / "market-column" / "daily"
    daily.mkdir(parents=True)
    days = [date(2025, 6, 26) - timedelta(days=back) for back in range(3)]
    frame = pl.DataFrame(
        {"code": ["005930"] * 3, "date": days, "open": [1000] * 3, "high": [1100] * 3, "low": [900] * 3}
    )
    frame.write_parquet(daily / "krx_daily_2025.parquet")
    line = refusal(house, "--market-data", "market-column", "--day", "2025-06-27")
    assert "krx_daily_2025.parquet" in line
    assert "close" in line


def test_a_taken_port_is_named_with_its_service(house: House) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 8082 + house.port_base))
        taken.listen()
        before = _written(house)
        code = house.rehearse().wait()
        line = _one_line(house, before, code, "", house.output.read_text().splitlines()[-1])
    assert f"port {8082 + house.port_base} (buy-executor)" in line


def test_a_place_that_is_no_folder_is_named(house: House) -> None:
    (house.var_dir / "market-file").write_text("")  # also root cannot make a folder below a file
    assert "JENNIE_VAR_DIR" in refusal(house, JENNIE_VAR_DIR=str(house.var_dir / "market-file" / "var"))


def test_a_place_whose_path_is_too_long_for_a_database_is_named(house: House) -> None:
    line = refusal(house, JENNIE_VAR_DIR="/".join([str(house.var_dir), *["market-long" * 18] * 2]))
    assert "JENNIE_VAR_DIR" in line
    assert "characters" in line


def test_a_day_on_which_nothing_traded_is_named(house: House) -> None:
    """A real file of that kind: open, high, low and volume 0 on every row."""
    day = _market(house.var_dir / "market-halted", {"open": 0, "high": 0, "low": 0, "close": 1000, "volume": 0})
    line = refusal(house, "--market-data", "market-halted", "--day", day.isoformat())
    assert f"DAY={day}: every stock" in line


def test_a_read_only_place_is_named(house: House) -> None:
    """As an ordinary user: the super-user may write everywhere."""
    if os.geteuid() == 0:
        return
    place = house.var_dir / "market-read-only"
    place.mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    assert "JENNIE_VAR_DIR" in refusal(house, JENNIE_VAR_DIR=str(place / "var"))


@pytest.mark.parametrize(
    ("text", "named"),
    [("JENNIE_LOG_LEVEL=INFO\nJENNIE_KIS_APP", "line 2"), ('JENNIE_KIS_APP_KEY="abc\n', "JENNIE_KIS_APP_KEY")],
    ids=["no value", "open quote"],
)
def test_a_half_written_env_file_is_named_with_its_line(house: House, text: str, named: str) -> None:
    path = house.var_dir / ".env"
    path.write_text(text)
    try:
        line = refusal(house)
    finally:
        path.unlink()
    assert ".env" in line
    assert named in line


def test_an_unknown_variable_is_named(house: House) -> None:
    assert "JENNIE_TELEGRAM_TOKEN" in refusal(house, JENNIE_TELEGRAM_TOKEN="x")


def test_a_wrong_url_is_named(house: House) -> None:
    assert "JENNIE_REDIS_URL" in refusal(house, JENNIE_REDIS_URL="redis://127.0.0.1:1/0")


def test_nothing_runs_and_nothing_to_end_is_said(house: House) -> None:
    down = house.say("down")
    assert (down.returncode, down.stdout.strip()) == (0, "nothing runs")
    status = house.say("status")
    assert status.returncode == 0
    assert "nothing runs" in status.stdout


def test_the_house_is_bare_afterwards(house: House) -> None:
    runs: Path = house.var_dir / "rehearsal" / "runs"
    assert not runs.exists() or list(runs.iterdir()) == []
