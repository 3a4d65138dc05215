"""`jennie doctor`: each failure is found and has its repair beside it."""

import os
import socket
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import text

from jennie_cli import doctor
from jennie_cli.doctor import Finding, examine
from jennie_core.domain.base import KST
from jennie_core.krx.calendar import KrxCalendar
from jennie_infra.db.engine import make_engine
from jennie_infra.db.schema import require_current, upgrade
from jennie_infra.settings import Settings, load_settings


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with nothing in it, on ports of its own."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("JENNIE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("JENNIE_PORT_BASE", "41000")
    monkeypatch.setattr(doctor, "wall_now", lambda: datetime(2025, 6, 27, 10, 0, tzinfo=KST))
    return tmp_path


def findings(*, repair: bool = False) -> dict[str, Finding]:
    settings = load_settings()
    return {finding.subject: finding for finding in doctor._findings(settings, [], repair=repair)}


def ledger_of(settings: Settings) -> Any:
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    return make_engine(settings.effective_ledger_url, durable=True)


def test_a_fresh_checkout_is_well(here: Path) -> None:
    console = Console(record=True, width=160, quiet=True)
    assert examine(console, repair=False) == 0
    found = findings()
    assert found["ledger store"].ok is None
    assert "first start makes it" in found["ledger store"].detail
    assert found["redis"].ok is None


def test_every_failure_has_a_repair(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JENNIE_MODE", "paper")
    monkeypatch.setenv("JENNIE_REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setenv("JENNIE_LEDGER_URL", "mysql+pymysql://x:y@127.0.0.1:1/z")
    monkeypatch.setattr(doctor, "MIN_FREE_BYTES", 1 << 62)
    failed = [finding for finding in findings().values() if finding.ok is False]
    assert {"disk", "redis", "ledger store", "key: orders (KIS)"} <= {finding.subject for finding in failed}
    assert all(finding.repair for finding in failed)


def test_a_taken_port_is_named(here: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 8081 + 41_000))
        taken.listen()
        ports = findings()["ports"]
    assert ports.ok is False
    assert f"{8081 + 41_000} (buy-scanner)" in ports.detail
    assert "JENNIE_PORT_BASE" in ports.repair


def test_an_old_schema_is_found_and_repaired(here: Path) -> None:
    """Drill 27."""
    engine = ledger_of(load_settings())
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE unrelated (x INTEGER)"))
    assert findings()["ledger store"].ok is False
    assert "doctor --repair" in findings()["ledger store"].repair
    assert findings(repair=True)["ledger store"].ok is True
    require_current("ledger", engine)
    engine.dispose()


def test_a_schema_of_a_newer_version_is_left_alone(here: Path) -> None:
    engine = ledger_of(load_settings())
    upgrade("ledger", engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    found = findings(repair=True)["ledger store"]
    assert found.ok is False
    assert "another version of jennie" in found.detail
    engine.dispose()


def test_a_calendar_that_ends_soon_is_a_failure(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T6: fewer than 60 known days ahead."""
    end = KrxCalendar.shipped().known_until
    near_end = datetime(end.year, end.month, end.day, 10, 0, tzinfo=KST)
    monkeypatch.setattr(doctor, "wall_now", lambda: near_end)
    found = findings()["calendar"]
    assert found.ok is False
    assert "make_calendar" in found.repair
    assert date(2025, 6, 27) < end


def test_a_clock_of_another_decade_is_a_failure(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "wall_now", lambda: datetime(2004, 1, 2, 10, 0, tzinfo=KST))
    assert findings()["clock"].ok is False


@pytest.mark.parametrize(("mode", "is_private"), [(0o600, True), (0o644, False)])
def test_an_env_file_that_others_can_read_is_a_failure(here: Path, mode: int, is_private: bool) -> None:
    path = here / ".env"
    path.write_text("JENNIE_KIS_APP_KEY=abc\n")
    path.chmod(mode)
    assert findings()["permissions of .env"].ok is is_private


def test_keys_are_needed_outside_a_rehearsal_only(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings()["key: orders (KIS)"].ok is None
    monkeypatch.setenv("JENNIE_MODE", "paper")
    assert findings()["key: orders (KIS)"].ok is False
    monkeypatch.setenv("JENNIE_KIS_ACCOUNT", "1234567801")
    found = findings()["key: orders (KIS)"]
    assert found.ok is True
    assert "1234567801" not in found.detail


def test_a_redis_that_answers_tells_its_version(here: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    monkeypatch.setenv("JENNIE_REDIS_URL", redis_url)
    found = findings()["redis"]
    assert found.ok is True
    assert found.detail.startswith("version ")
