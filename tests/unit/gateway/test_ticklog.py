"""The local tick log: written off the hot path, versioned, readable after a crash."""

from datetime import date, datetime
from pathlib import Path

import pytest
import zstandard

from jennie_core.domain.base import KST
from jennie_core.domain.enums import OrderSide
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.orders import ExecutionNotice
from jennie_infra.bus.ticks import encode_tick
from jennie_infra.ticklog import (
    TickLogError,
    days,
    mark_line,
    notice_line,
    parts,
    prune,
    read_day,
    read_part,
    tick_line,
)
from jennie_live.gateway.recorder import Recorder, _Part

DAY = date(2025, 6, 27)
TICK = Tick("0009K0", 8_740, 120, 44_210, 8_750, 8_740, 1_750_984_215_000_000, 1_750_984_215_000_123)
MARK = ClockMark(1_750_984_220_000_000, settled=True)
NOTICE = ExecutionNotice(
    notice_key="k", order_number="0000000117", stock_code="005930", side=OrderSide.BUY, is_execution=True, quantity=1,
    price_krw=1, order_quantity=1, exchange_at=datetime(2025, 6, 27, 9, 30, tzinfo=KST), received_us=1,
)  # fmt: skip
LINES = [tick_line(encode_tick(TICK)), mark_line(MARK), notice_line(NOTICE)]


def record(folder: Path, *batches: list[bytes]) -> None:
    recorder = Recorder(folder, "rehearsal", keep_days=30)
    recorder.start()
    for lines in batches:
        recorder.put(DAY, lines)
    recorder.stop()
    assert recorder.dropped == 0


def test_what_is_written_is_read_in_order(tmp_path: Path) -> None:
    record(tmp_path, LINES, LINES[:1])
    assert list(read_day(tmp_path, DAY)) == [TICK, MARK, NOTICE, TICK]
    assert days(tmp_path) == [DAY]


def test_each_process_writes_a_part_of_its_own(tmp_path: Path) -> None:
    record(tmp_path, LINES[:1])
    record(tmp_path, LINES[1:])
    assert [path.name for path in parts(tmp_path, DAY)] == ["2025-06-27.0001.zst", "2025-06-27.0002.zst"]
    assert list(read_day(tmp_path, DAY)) == [TICK, MARK, NOTICE]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_an_end_cut_short_by_a_crash_costs_only_that_end(tmp_path: Path, share: float) -> None:
    record(tmp_path, *([LINES] * 2_000))
    (path,) = parts(tmp_path, DAY)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    found = list(read_day(tmp_path, DAY))
    assert found == ([TICK, MARK, NOTICE] * 2_000)[: len(found)]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (b'{"format":"jennie-ticklog","version":99}', "version 99; this program reads version 1"),
        (b'{"format":"other-log","version":1}', "a other-log, not a jennie-ticklog"),
        (b"[1,2]", "its first line is no header"),
    ],
)
def test_another_format_or_version_is_refused_by_name(tmp_path: Path, header: bytes, says: str) -> None:
    path = tmp_path / "2025-06-27.0001.zst"
    path.write_bytes(zstandard.compress(header + b"\n"))
    with pytest.raises(TickLogError, match=says):
        list(read_part(path))


def test_a_corrupt_block_is_named_after_the_records_before_it(tmp_path: Path) -> None:
    """Never taken for the end of the day, never read as other figures."""
    ticks = [TICK._replace(cumulative_volume=number * 7_919 % 1_000_003) for number in range(60_000)]
    record(tmp_path, [tick_line(encode_tick(each)) for each in ticks])
    (path,) = parts(tmp_path, DAY)
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 8] = bytes(byte ^ 0xFF for byte in whole[middle : middle + 8])
    path.write_bytes(whole)
    found: list[object] = []
    with pytest.raises(TickLogError, match=r"2025-06-27.0001.zst: corrupt after \d+ records"):
        found.extend(read_part(path))
    assert len(found) > 1_000
    assert found == ticks[: len(found)]


def test_a_damaged_part_does_not_take_the_next_one_with_it(tmp_path: Path) -> None:
    record(tmp_path, LINES)
    record(tmp_path, LINES)
    first, _ = parts(tmp_path, DAY)
    whole = bytearray(first.read_bytes())
    whole[-2] ^= 0xFF  # its checksum
    first.write_bytes(whole)
    problems: list[str] = []
    assert list(read_day(tmp_path, DAY, problems))[-3:] == [TICK, MARK, NOTICE]
    assert [problem.partition(":")[0] for problem in problems] == [first.name]
    with pytest.raises(TickLogError):
        list(read_day(tmp_path, DAY))


def test_a_line_of_an_unknown_kind_is_named(tmp_path: Path) -> None:
    record(tmp_path, [*LINES, b'["x",1]'])
    with pytest.raises(TickLogError, match="record 4"):
        list(read_day(tmp_path, DAY))


def test_old_days_are_removed(tmp_path: Path) -> None:
    for day in (20, 23, 24, 25):
        (tmp_path / f"2025-06-{day}.0001.zst").write_bytes(b"")
    removed = prune(tmp_path, keep_days=2)
    assert [path.name[:10] for path in removed] == ["2025-06-20", "2025-06-23"]
    assert len(days(tmp_path)) == 2


def test_a_full_queue_drops_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jennie_live.gateway.recorder.MAX_BATCHES", 1)
    recorder = Recorder(tmp_path, "rehearsal", keep_days=30)
    recorder.put(DAY, LINES)
    recorder.put(DAY, LINES)
    assert recorder.dropped == 3


def test_a_disk_that_refuses_costs_counted_lines_and_makes_no_file_for_each_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drill 39: a full disk lets files be made but nothing be written into them."""

    def refuse(self: object, lines: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jennie_live.gateway.recorder._Part.write", refuse)
    recorder = Recorder(tmp_path, "rehearsal", keep_days=30)
    recorder.start()
    for _ in range(50):
        recorder.put(DAY, LINES)
    recorder.stop()
    assert recorder.dropped == 150
    assert len(parts(tmp_path, DAY)) == 1


def test_after_its_pause_the_log_goes_on_in_a_new_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jennie_live.gateway.recorder.RETRY_SECONDS", 0.0)
    write, failures = _Part.write, iter([True])

    def refuse_once(self: _Part, lines: list[bytes]) -> None:
        if next(failures, False):
            raise OSError(28, "No space left on device")
        write(self, lines)

    monkeypatch.setattr(_Part, "write", refuse_once)
    recorder = Recorder(tmp_path, "rehearsal", keep_days=30)
    recorder.start()
    recorder.put(DAY, LINES)
    recorder.put(DAY, LINES)
    recorder.stop()
    assert recorder.dropped == 3
    assert list(read_day(tmp_path, DAY)) == [TICK, MARK, NOTICE]


def test_parts_beyond_the_ten_thousandth_stay_in_order(tmp_path: Path) -> None:
    for number in (9_999, 10_000, 2):
        (tmp_path / f"2025-06-27.{number:04d}.zst").write_bytes(b"")
    assert [path.name.split(".")[1] for path in parts(tmp_path, DAY)] == ["0002", "9999", "10000"]
