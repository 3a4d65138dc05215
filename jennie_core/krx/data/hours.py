"""Days with other hours than usual, and the dates on which the usual hours changed."""

from datetime import date

_EXAM_DAYS = (
    "2000-11-15 2001-11-07 2002-11-06 2003-11-05 2004-11-17 2005-11-23 2006-11-16 2007-11-15 2008-11-13 2009-11-12 "
    "2010-11-18 2011-11-10 2012-11-08 2013-11-07 2014-11-13 2015-11-12 2016-11-17 2017-11-16 2017-11-23 2018-11-15 "
    "2019-11-14 2020-12-03 2021-11-18 2022-11-17 2023-11-16 2024-11-14 2025-11-13 2026-11-19 2027-11-18"
)
EXAM_DAYS: frozenset[date] = frozenset(date.fromisoformat(text) for text in _EXAM_DAYS.split())
"""University entrance exam (수능): opening and close one hour later. 2017-11-16 kept the announced hours although the
exam itself was put off to 2017-11-23."""

CLOSE_AT_1530_FROM = date(2016, 8, 1)
"""Before this day the regular session ended at 15:00."""

AFTER_MARKET_UNTIL_2000_FROM = date(2026, 9, 14)
"""KRX after-market 16:00-20:00; before it the after-hours single price ended at 18:00."""
