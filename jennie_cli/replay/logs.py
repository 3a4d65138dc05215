"""Reads the tick log of one day for a replay; a damaged or foreign one is named, never replayed in part."""

from datetime import date
from pathlib import Path

from jennie_cli.errors import UserError
from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.orders import ExecutionNotice
from jennie_infra import ticklog
from jennie_infra.ticklog import TickLogError


def read_log(path: Path, day: date) -> list[Tick | ClockMark]:
    """Ticks and marks of a day from a log folder or one part. Raises UserError naming file, place and next step."""
    if not path.exists():
        raise UserError(f"--ticks {path}: no such file or folder; name a tick log (`ticks` of a run folder)")
    parts = [path] if path.is_file() else ticklog.parts(path, day)
    if not parts:
        known = ", ".join(f"{each}" for each in ticklog.days(path)[-5:])
        raise UserError(f"DAY={day}: {path} holds no tick log of that day; it has {known or 'none at all'}")
    try:
        items = [item for part in parts for item in ticklog.read_part(part) if not isinstance(item, ExecutionNotice)]
    except TickLogError as error:
        raise UserError(f"--ticks {path}: {error}; choose another log, damaged blocks are not replayed") from error
    return _of_day(items, day, path)


def _of_day(items: list[Tick | ClockMark], day: date, path: Path) -> list[Tick | ClockMark]:
    marks = [item for item in items if isinstance(item, ClockMark) and item.settled]
    if not marks:
        raise UserError(f"--ticks {path}: no settled mark in it, so nothing was ever decided on it; record a day first")
    first = from_epoch_us(marks[0].market_us).date()
    if first != day:
        raise UserError(f"DAY={day}: {path} is of {first}; give that day")
    return items
