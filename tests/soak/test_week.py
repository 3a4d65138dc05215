"""A rehearsal week in which nothing keeps growing (`make soak`)."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psutil
import pytest

from jennie_core.krx.calendar import KrxCalendar
from jennie_infra.bus.streams import STREAMS, Streams
from tests.e2e.house import House, free_port_bases, processes_of, until

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]

DAYS = int(os.environ.get("SOAK_DAYS", "5"))
FIRST = date(2026, 3, 16)
CLOCKS = ("11:00", "13:00", "15:00")
DAY_SECONDS = 3600.0
GROWTH_RATIO, GROWTH_MB = 1.15, 16
"""Between late morning and afternoon a worker may grow this far: caches fill, the allocator keeps pages."""
MORE_FILES = 8
TRIM_SLACK = 1.2
"""Streams are trimmed to about their length."""


@dataclass
class Sample:
    """What one look at the stack found."""

    rss_mb: dict[str, float] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    redis_mb: float = 0.0
    streams: dict[str, int] = field(default_factory=dict)


def look(house: House) -> Sample:
    """Memory and open files of every worker, memory of the store, length of every stream."""
    sample = Sample()
    for name, pid in house.pids().items():
        process = psutil.Process(pid)
        sample.rss_mb[name] = process.memory_info().rss / 2**20
        sample.files[name] = process.num_fds()
    with house.redis() as client:
        memory: Any = client.info("memory")
        sample.redis_mb = memory["used_memory"] / 2**20
        sample.streams = {stream.value: int(client.xlen(stream.value)) for stream in Streams}  # type: ignore[arg-type]
    return sample


@pytest.fixture(scope="module")
def week() -> Iterator[list[dict[str, Sample]]]:
    """Five days one after the other in one state folder, looked at three times a day."""
    house = House(next(iter(free_port_bases())))
    calendar, day, days = KrxCalendar.shipped(), FIRST, []
    try:
        for _ in range(DAYS):
            house.rehearse("--day", day.isoformat())
            samples: dict[str, Sample] = {}
            for clock in CLOCKS:
                until(lambda clock=clock: house.market_clock() >= clock, f"{day} {clock}", DAY_SECONDS)
                with house.held():
                    samples[clock] = look(house)
            assert house.wait(DAY_SECONDS) == 0, house.output.read_text()[-3000:]
            assert house.report["reconciliation"]["matches"] is True
            assert processes_of(house.var_dir) == []
            days.append(samples)
            day = calendar.next_session(day)
        yield days
    finally:
        house.end()
        shutil.rmtree(house.var_dir, ignore_errors=True)


def test_no_worker_keeps_growing_during_a_day(week: list[dict[str, Sample]]) -> None:
    for samples in week:
        early, late = samples[CLOCKS[0]], samples[CLOCKS[-1]]
        for name, before in early.rss_mb.items():
            assert late.rss_mb[name] <= before * GROWTH_RATIO + GROWTH_MB, name
            assert late.files[name] <= early.files[name] + MORE_FILES, name


def test_no_day_needs_more_than_the_first(week: list[dict[str, Sample]]) -> None:
    first, last = week[0][CLOCKS[-1]], week[-1][CLOCKS[-1]]
    for name, before in first.rss_mb.items():
        assert last.rss_mb[name] <= before * GROWTH_RATIO + GROWTH_MB, name
        assert last.files[name] <= first.files[name] + MORE_FILES, name


def test_streams_stay_inside_their_length_and_the_store_follows_them(week: list[dict[str, Sample]]) -> None:
    for samples in week:
        for clock in CLOCKS:
            for stream in Streams:
                length = STREAMS[stream].trim_length
                assert length is None or samples[clock].streams[stream.value] <= length * TRIM_SLACK, stream
    assert week[-1][CLOCKS[-1]].redis_mb <= week[0][CLOCKS[-1]].redis_mb * GROWTH_RATIO + GROWTH_MB
