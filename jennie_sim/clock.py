"""The only place of the exchange that reads the wall clock's date."""

from datetime import date, datetime

from jennie_core.domain.base import KST


def today_in_seoul() -> date:
    """The calendar day in Korea now."""
    return datetime.now(KST).date()
