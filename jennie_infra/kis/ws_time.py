"""Times of day and dates as the broker's frames write them."""

from datetime import datetime

from jennie_core.domain.base import KST, to_epoch_us


def seconds_of_day(text: str) -> int:
    """Seconds since midnight of HHMMSS; raises ValueError for what is no time of day."""
    if len(text) != 6 or not (text.isascii() and text.isdigit()):
        raise ValueError("not HHMMSS")
    hours, minutes, seconds = int(text[:2]), int(text[2:4]), int(text[4:])
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError("not a time of day")
    return hours * 3600 + minutes * 60 + seconds


def date_time_us(text: str) -> int:
    """Microseconds since the epoch of YYYYMMDDHHMMSS in KST; raises ValueError."""
    return to_epoch_us(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=KST))
