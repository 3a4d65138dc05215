#!/usr/bin/env python
"""Write jennie_core/krx/data/closures.py from exchange-calendars plus the corrections below.

Run it when the horizon comes near: `.venv/bin/python scripts/make_calendar.py 2000 2028`.
"""

import sys
from collections import defaultdict
from datetime import date
from pathlib import Path

import exchange_calendars
import pandas as pd

TARGET = Path(__file__).resolve().parent.parent / "jennie_core" / "krx" / "data" / "closures.py"

EXTRA_CLOSURES = {
    date(2026, 6, 3): "local elections",
    date(2026, 7, 17): "Constitution Day, a public holiday again since 2026",
}
UNCONFIRMED = {
    date(2027, 5, 3): "substitute for Labour Day on a Saturday, not announced",
    date(2027, 7, 19): "substitute for Constitution Day on a Saturday, not announced",
}
"""Weekdays on which the exchange may or may not trade: unknown until the broker or the exchange says so."""


def closures(first_year: int, last_year: int) -> list[date]:
    """Weekdays of these years without a KRX session, ascending."""
    calendar = exchange_calendars.get_calendar("XKRX", start=f"{first_year}-01-01", end=f"{last_year + 1}-01-31")
    weekdays = pd.date_range(f"{first_year}-01-01", f"{last_year}-12-31", freq="B")
    sessions = {session.date() for session in calendar.sessions}
    closed = {day.date() for day in weekdays} - sessions
    return sorted((closed | EXTRA_CLOSURES.keys()) - UNCONFIRMED.keys())


def render(first_year: int, last_year: int) -> str:
    """The module's source text."""
    by_year: dict[int, list[date]] = defaultdict(list)
    for day in closures(first_year, last_year):
        by_year[day.year].append(day)
    lines = [
        '"""Weekdays on which KRX did not or will not trade. Made by scripts/make_calendar.py; do not edit by hand."""',
        "",
        "from datetime import date",
        "",
        f"KNOWN_FROM = date({first_year}, 1, 1)",
        f"KNOWN_UNTIL = date({last_year}, 12, 31)",
        "",
        "CLOSED_WEEKDAYS: dict[int, str] = {",
    ]
    for year, days in sorted(by_year.items()):
        text = " ".join(day.strftime("%m%d") for day in days)
        lines.append(f'    {year}: "{text}",')
    lines += ["}", '"""Month and day (MMDD) of each closed weekday by year."""', ""]
    lines += ["UNCONFIRMED_WEEKDAYS: tuple[date, ...] = ("]
    lines += [f"    date({day.year}, {day.month}, {day.day}),  # {why}" for day, why in sorted(UNCONFIRMED.items())]
    lines += [")", '"""Weekdays not yet announced either way: unknown, hence closed for buying."""', ""]
    return "\n".join(lines)


if __name__ == "__main__":
    first, last = (int(argument) for argument in sys.argv[1:3]) if len(sys.argv) == 3 else (2000, 2027)
    TARGET.write_text(render(first, last), encoding="utf-8")
    print(f"{TARGET}: weekday closures {first}..{last}")
