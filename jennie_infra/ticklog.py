"""The local log of ticks, marks and notices: compressed JSON lines behind a header, read by replay and assets.

Files are `<folder>/YYYY-MM-DD.NNNN.zst` (zstandard); each process start begins a new part, so a part cut short by a
crash never spoils the next. Line 1 is the header `{"format", "version", "day", "mode", "fields"}`. Then one JSON array
a line: `["t", code, price, volume, cumulative, ask, bid, exchange_us, received_us, phase, source]`,
`["m", market_us, settled]`, `["n", {notice}]`.
"""

import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import orjson
import zstandard

from jennie_core.domain.base import Message
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.orders import ExecutionNotice

FORMAT = "jennie-ticklog"
VERSION = 1
SUFFIX = ".zst"


class TickLogError(Exception):
    """A part is not a tick log of a known version."""


class TickLogHeader(Message):
    """First line of each part."""

    format: str = FORMAT
    version: int = VERSION
    day: date
    mode: str
    fields: tuple[str, ...] = Tick._fields


Record = Tick | ClockMark | ExecutionNotice


def tick_line(encoded_tick: bytes) -> bytes:
    """Line of a tick from its stream encoding (a JSON array)."""
    return b'["t",' + encoded_tick[1:]


def mark_line(mark: ClockMark) -> bytes:
    """Line of a mark."""
    return b'["m",%d,%s]' % (mark.market_us, b"true" if mark.settled else b"false")


def notice_line(notice: ExecutionNotice) -> bytes:
    """Line of a notice."""
    return b'["n",' + notice.model_dump_json().encode() + b"]"


def parts(folder: Path, day: date) -> list[Path]:
    """The parts of a day, in the order they were written."""
    return sorted(folder.glob(f"{day.isoformat()}.*{SUFFIX}"))


def next_part(folder: Path, day: date) -> Path:
    """Path of a part that does not exist yet."""
    numbers = [int(path.name.split(".")[1]) for path in parts(folder, day) if path.name.split(".")[1].isdigit()]
    return folder / f"{day.isoformat()}.{max(numbers, default=0) + 1:04d}{SUFFIX}"


def days(folder: Path) -> list[date]:
    """Days with at least one part, ascending."""
    found: set[date] = set()
    for path in folder.glob(f"????-??-??.*{SUFFIX}"):
        try:
            found.add(date.fromisoformat(path.name[:10]))
        except ValueError:
            continue
    return sorted(found)


def prune(folder: Path, keep_days: int) -> list[Path]:
    """Remove the parts of all but the newest `keep_days` recorded days; returns what was removed."""
    removed = [path for day in days(folder)[:-keep_days] for path in parts(folder, day)] if keep_days > 0 else []
    for path in removed:
        path.unlink(missing_ok=True)
    return removed


def read_day(folder: Path, day: date) -> Iterator[Record]:
    """Every record of a day in the order it was written."""
    for path in parts(folder, day):
        yield from read_part(path)


def read_part(path: Path) -> Iterator[Record]:
    """Records of one part; an end cut short by a crash is left out. Raises TickLogError for another format."""
    with path.open("rb") as raw:
        lines = _lines(raw)
        first = next(lines, None)
        if first is None:
            return
        header = orjson.loads(first)
        if header.get("format") != FORMAT or header.get("version") != VERSION:
            raise TickLogError(f"{path.name}: not a {FORMAT} of version {VERSION}")
        for line in lines:
            yield _record(orjson.loads(line))


def _record(values: list[object]) -> Record:
    kind = values[0]
    if kind == "t":
        return Tick._make(values[1:])
    if kind == "m":
        return ClockMark(int(str(values[1])), values[2] is True)
    if kind == "n":
        return ExecutionNotice.model_validate(values[1])
    raise TickLogError(f"unknown kind of line: {kind!r}")


def _lines(raw: io.BufferedReader) -> Iterator[bytes]:
    """Whole lines of the decompressed text; ends quietly where the data ends."""
    rest = b""
    with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as reader:
        while True:
            try:
                chunk = reader.read(1 << 20)
            except zstandard.ZstdError:
                return
            if not chunk:
                return
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
