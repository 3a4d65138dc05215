"""A quick look at a market folder before a rehearsal: is it readable, is the day in it, is there enough history?"""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from jennie_core.krx.calendar import KrxCalendar
from jennie_core.scoring.frames import DAILY_PRICES, require
from jennie_infra.sources.errors import MissingDataError, UnknownDayError
from jennie_infra.sources.files import MarketFolder

MIN_SESSIONS = 60
HISTORY_SESSIONS = 250
_HISTORY_DAYS = 400
_FULL_COVERAGE_DATASETS = {
    "market_caps": "market values unknown: ranked by turnover, no PER or PBR",
    "fundamentals": "no statements: quality and value unknown",
    "sectors": "no sectors: sector momentum unknown",
    "index": "no index: a proxy of the most traded stocks decides the regime",
    "macro": "no VIX or dollar: the council is more careful",
    "flows": "no investor flows: supply and demand unknown",
    "headlines": "no headlines: news unknown",
}


@dataclass(frozen=True)
class FolderReport:
    """What a rehearsal of `day` on this folder can rely on; `warnings` are one line each."""

    folder: Path
    kind: str
    day: date
    previous_session: date
    sessions_before: int
    codes_before: int
    codes_on_day: int
    describe: dict[str, str]
    warnings: tuple[str, ...]


def inspect_folder(
    folder: Path | str,
    day: date,
    *,
    calendar: KrxCalendar | None = None,
    min_sessions: int = MIN_SESSIONS,
    require_day: bool = True,
) -> FolderReport:
    """Read and check the bars of `day` and of the 400 days before it; nothing is written.

    Raises MarketDataError in one line: an absent or empty folder, an unreadable or malformed file (DataFileError), a
    weekend, a holiday or a day outside the data (UnknownDayError; the latter only with `require_day`), or fewer than
    `min_sessions` sessions before it (MissingDataError).
    """
    source = MarketFolder(folder)
    _refuse_closed_day(day, KrxCalendar.shipped() if calendar is None else calendar)
    bars = require(source.daily_prices(day - timedelta(days=_HISTORY_DAYS), day), DAILY_PRICES, "daily prices")
    sessions = bars["trade_date"].unique().sort().to_list()
    before = [session for session in sessions if session < day]
    on_day = bars.filter(bars["trade_date"] == day)["code"].n_unique()
    if require_day and on_day == 0:
        raise UnknownDayError(f"{source.folder}: no bars on {day}; {_span(source, day)}")
    if len(before) < min_sessions:
        raise MissingDataError(
            f"{source.folder}: {len(before)} sessions before {day}, {min_sessions} are needed; {_span(source, day)}"
        )
    previous = bars.filter(bars["trade_date"] == before[-1])
    describe = source.describe()
    return FolderReport(
        folder=source.folder,
        kind=source.kind,
        day=day,
        previous_session=before[-1],
        sessions_before=len(before),
        codes_before=previous["code"].n_unique(),
        codes_on_day=on_day,
        describe=describe,
        warnings=tuple(_warnings(day, before, describe)) + tuple(str(note) for note in source.notes),
    )


def _refuse_closed_day(day: date, calendar: KrxCalendar) -> None:
    if day.weekday() >= 5:
        raise UnknownDayError(f"{day} is a {day:%A}: the exchange is closed; choose a session day")
    if calendar.is_session(day) is False:
        raise UnknownDayError(f"{day} is a KRX holiday; choose a session day")


def _span(source: MarketFolder, day: date) -> str:
    known = source.sessions(date(1990, 1, 1), date(day.year + 50, 1, 1))
    return f"the data run from {known[0]} to {known[-1]}" if known else "the data hold no session at all"


def _warnings(day: date, before: list[date], describe: dict[str, str]) -> list[str]:
    found = []
    if len(before) < HISTORY_SESSIONS:
        found.append(f"{len(before)} sessions of history, {HISTORY_SESSIONS} wanted: long-term factors stay unknown")
    if (day - before[-1]).days > 12:
        found.append(f"the last bars before {day} are of {before[-1]}: prices are stale")
    gaps = [(a, b) for a, b in pairwise(before) if (b - a).days > 12]
    if gaps:
        found.append(f"{len(gaps)} gaps in the history, the first from {gaps[0][0]} to {gaps[0][1]}")
    found += [text for name, text in _FULL_COVERAGE_DATASETS.items() if describe[name].startswith("absent")]
    return found
