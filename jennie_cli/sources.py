"""`jennie sources check`: asks every configured supplier one question and says what works. Nothing is written."""

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rich.console import Console
from rich.table import Table
from rich.text import Text as RichText

from jennie_cli.backtest.texts import Text
from jennie_core.domain.enums import Mode
from jennie_core.krx.calendar import KrxCalendar
from jennie_infra.settings import Settings, SettingsError
from jennie_infra.sources.errors import MarketDataError
from jennie_infra.sources.probes import Probe, probes
from jennie_infra.sources.suppliers import Suppliers
from jennie_infra.sources.web.kept import KeptReplies

PUBLISHED_HOUR = 8
"""The exchange publishes a session at 08:00 of the next session day."""
DATASETS = {
    "prices": ("시세", "prices"),
    "index": ("지수", "index"),
    "macro": ("거시", "macro"),
    "statements": ("재무", "statements"),
    "headlines": ("뉴스", "headlines"),
}


@dataclass(frozen=True)
class Checked:
    """What one supplier answered: rows and newest date, or the problem."""

    probe: Probe
    seconds: float
    rows: int = 0
    newest: date | None = None
    problem: str = ""


def published_session(now: datetime) -> date:
    """The newest session whose figures are published at `now` (Seoul)."""
    calendar = KrxCalendar.shipped()
    day = now.date() if now.hour >= PUBLISHED_HOUR else now.date() - timedelta(days=1)
    return calendar.previous_session(day)


def check(probe: Probe, day: date) -> Checked:
    """Ask one supplier."""
    started = time.monotonic()
    try:
        rows, newest = probe.ask(day)
    except (MarketDataError, SettingsError) as error:
        return Checked(probe, time.monotonic() - started, problem=" ".join(str(error).split()))
    return Checked(probe, time.monotonic() - started, rows, newest)


def check_sources(settings: Settings, day: date, text: Text, console: Console) -> int:
    """Print the table; 1 when a configured supplier failed."""
    suppliers = Suppliers(settings, KeptReplies(None))
    try:
        asked = probes(settings, suppliers)
        found = {id(probe): check(probe, day) for probe in asked if probe.configured}
    finally:
        suppliers.close()
    table = Table(title=text.of(f"자료 출처 점검, 기준일 {day}", f"data sources on {day}"))
    for title in (
        text.of("자료", "dataset"),
        text.of("출처", "source"),
        text.of("설정", "configured"),
        text.of("응답", "answer"),
        text.of("초", "s"),
    ):
        table.add_column(title, overflow="fold")
    for probe in asked:
        table.add_row(*_row(probe, found.get(id(probe)), text))
    console.print(table)
    if settings.mode is Mode.REHEARSAL:
        console.print(
            text.of(
                "모의 모드(rehearsal)는 시장 폴더만 읽습니다. 출처 설정은 paper와 live에서 쓰입니다.",
                "mode rehearsal reads the market folder alone; these sources count in paper and live",
            )
        )
    return 1 if any(one.problem for one in found.values()) else 0


def _row(probe: Probe, checked: Checked | None, text: Text) -> tuple[str | RichText, ...]:
    name = text.of(*DATASETS[probe.dataset])
    if checked is None:
        return name, probe.source, text.of("아니요", "no"), "-", "-"
    state = text.of("사용", "in use") if probe.chosen else text.of("키만 있음", "keys only")
    if checked.problem:
        return name, probe.source, state, RichText(checked.problem, style="red"), f"{checked.seconds:.1f}"
    newest = checked.newest or text.of("날짜 미상", "unknown day")
    answer = text.of(f"{checked.rows:,}행, 최신 {newest}", f"{checked.rows:,} rows, newest {newest}")
    return name, probe.source, state, RichText(answer, style="green"), f"{checked.seconds:.1f}"
