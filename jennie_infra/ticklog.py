"""The local log of ticks, marks and notices: compressed JSON lines behind a header, read by replay and assets.

Files are `<folder>/YYYY-MM-DD.NNNN.zst` (zstandard); each process start begins a new part, so a part cut short by a
crash never spoils the next. A part is a row of zstandard frames, each with a checksum, so that a damaged block is
noticed and never read as other figures. Line 1 is the header `{"format", "version", "day", "mode", "fields"}`. Then one
JSON array a line: `["t", code, price, volume, cumulative, ask, bid, exchange_us, received_us, phase, source]`,
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
READ_BYTES = 1 << 16


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
    return sorted(folder.glob(f"{day.isoformat()}.*{SUFFIX}"), key=lambda path: (len(path.name), path.name))


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


def read_day(folder: Path, day: date, problems: list[str] | None = None) -> Iterator[Record]:
    """Every record of a day in the order it was written.

    A part that cannot be read on raises TickLogError or, when `problems` is given, is named there and the next part
    follows. An end cut short by a crash is no problem: what had been flushed before it is whole.
    """
    for path in parts(folder, day):
        try:
            yield from read_part(path)
        except TickLogError as error:
            if problems is None:
                raise
            problems.append(str(error))


def read_part(path: Path) -> Iterator[Record]:
    """Records of one part; an end cut short by a crash is left out. Raises TickLogError for anything else, after the
    records before it.
    """
    with path.open("rb") as raw:
        lines = _lines(raw, path.name)
        first = next(lines, None)
        if first is None:
            return
        _check_header(first, path.name)
        for number, line in enumerate(lines, start=1):
            try:
                yield _record(orjson.loads(line))
            except (orjson.JSONDecodeError, TypeError, IndexError, ValueError) as error:
                raise TickLogError(f"{path.name}: record {number} cannot be read: {error}") from error


def _check_header(line: bytes, name: str) -> None:
    try:
        header = orjson.loads(line)
        found, version = header["format"], header["version"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise TickLogError(f"{name}: no {FORMAT}: its first line is no header") from error
    if found != FORMAT:
        raise TickLogError(f"{name}: a {found}, not a {FORMAT}")
    if version != VERSION:
        raise TickLogError(f"{name}: version {version}; this program reads version {VERSION}")


def _record(values: list[object]) -> Record:
    kind = values[0]
    if kind == "t":
        return Tick._make(values[1:])
    if kind == "m":
        return ClockMark(int(str(values[1])), values[2] is True)
    if kind == "n":
        return ExecutionNotice.model_validate(values[1])
    raise ValueError(f"unknown kind {kind!r}")


def _lines(raw: io.BufferedReader, name: str) -> Iterator[bytes]:
    """Whole lines of the decompressed text; ends quietly where the data end. Raises TickLogError at a corrupt block."""
    rest, count = b"", 0
    with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as reader:
        while True:
            try:
                chunk = reader.read(READ_BYTES)
            except zstandard.ZstdError as error:
                raise TickLogError(f"{name}: corrupt after {max(0, count - 1)} records: {error}") from error
            if not chunk:
                return
            *whole, rest = (rest + chunk).split(b"\n")
            count += len(whole)
            yield from whole
