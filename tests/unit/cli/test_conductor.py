"""The conductor: slices, watermarks, nudges, jobs and pace (T3, T5, decision 0001)."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
import redis as redis_sync

from jennie_cli import conductor as module
from jennie_cli.conductor import Conductor, Progress
from jennie_cli.errors import UserError
from jennie_cli.exchange_admin import ExchangeAdmin
from jennie_cli.stack import TRADING_WORKERS
from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.domain.schedule import SCHEDULE
from jennie_core.krx.sessions import session_times
from jennie_infra.bus.streams import Streams

DAY = date(2025, 6, 27)
EXAM_DAY = date(2025, 11, 13)
JOB_TIMES = {job.at for job in SCHEDULE}


def at(hour: int, minute: int = 0, second: int = 0, day: date = DAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=KST)


class FakeAdmin:
    """An exchange that only keeps time; `on_advance` plays the workers."""

    def __init__(self) -> None:
        self.calls: list[datetime] = []
        self.on_advance: Callable[[datetime], None] = lambda _: None

    def another(self) -> "FakeAdmin":
        """A line of its own for the heartbeat: what it sends is not counted as a slice."""
        return FakeAdmin()

    def advance(self, until: datetime) -> dict[str, Any]:
        again = bool(self.calls) and self.calls[-1] == until
        self.calls.append(until)
        self.on_advance(until)
        return {"ticks_sent": 0 if again else 10}


@pytest.fixture
def redis(redis_url: str) -> Iterator[redis_sync.Redis]:
    with redis_sync.Redis.from_url(redis_url, protocol=3) as client:
        yield client


@pytest.fixture
def admin() -> FakeAdmin:
    return FakeAdmin()


def make(admin: FakeAdmin, redis: redis_sync.Redis | None, day: date = DAY, **more: Any) -> Conductor:
    given: dict[str, Any] = {"run_job": lambda *_: SimpleNamespace(ok=True), "slice_seconds": 5, "speed": None}
    return Conductor(
        times=session_times(day),
        admin=cast("ExchangeAdmin", admin),
        redis=cast("redis_sync.Redis", redis),
        **(given | more),
    )


def answer(redis: redis_sync.Redis, *names: str) -> Callable[[datetime], None]:
    def write(until: datetime) -> None:
        for name in names:
            redis.xadd(Streams.WATERMARKS.value, {"s": name, "w": str(to_epoch_us(until))})

    return write


# ---- slices -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", [DAY, EXAM_DAY])
@pytest.mark.parametrize("seconds", [1, 5, 7, 60])
def test_slices_go_forward_without_a_gap_to_the_end(admin: FakeAdmin, day: date, seconds: int) -> None:
    times = session_times(day)
    start = times.opening_auction_at - timedelta(minutes=5)
    ends = list(make(admin, None, day, slice_seconds=seconds).slice_ends(start))
    assert ends == sorted(set(ends))
    assert ends[0] > start
    assert ends[-1] == at(20, 10, day=day)
    starts = [start, *ends[:-1]]
    for begin, end in zip(starts, ends, strict=True):
        if times.open_at - timedelta(minutes=1) <= begin < times.close_at + timedelta(minutes=2):
            assert end - begin <= timedelta(seconds=seconds), "fine while anything can trade"
        assert end - begin <= timedelta(minutes=10)


def test_no_slice_spans_the_minute_before_the_open(admin: FakeAdmin) -> None:
    times = session_times(DAY)
    ends = list(make(admin, None).slice_ends(at(8, 25, 30)))
    assert times.open_at - timedelta(minutes=1) in ends
    assert times.open_at in ends


def test_a_slice_ends_at_every_job_of_the_day(admin: FakeAdmin) -> None:
    """T5: the conductor holds market time exactly at the job's time."""
    start = at(8, 25)
    ends = {end.time() for end in make(admin, None, slice_seconds=7).slice_ends(start)}
    assert {job for job in JOB_TIMES if job > start.time()} <= ends


def test_an_earlier_end_is_the_last_slice(admin: FakeAdmin) -> None:
    ends = list(make(admin, None, until=at(9, 10, 3)).slice_ends(at(8, 25)))
    assert ends[-1] == at(9, 10, 3)


# ---- watermarks -------------------------------------------------------------------------------------


def test_the_next_slice_starts_only_when_every_worker_has_passed_the_last(
    admin: FakeAdmin, redis: redis_sync.Redis
) -> None:
    made = make(admin, redis)
    admin.on_advance = answer(redis, *TRADING_WORKERS[:-1])
    late = TRADING_WORKERS[-1]
    timer = threading.Timer(0.3, lambda: answer(redis, late)(at(9, 0, 5)))
    timer.start()
    made.step(at(9, 0, 5))
    timer.join()
    assert made.progress.market_time == at(9, 0, 5)
    assert admin.calls == [at(9, 0, 5)], "nobody had to be nudged"


def test_an_old_watermark_does_not_count(
    admin: FakeAdmin, redis: redis_sync.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GIVE_UP_SECONDS", 0.3)
    admin.on_advance = lambda until: answer(redis, *TRADING_WORKERS)(until - timedelta(seconds=1))
    with pytest.raises(UserError, match=r"kis-gateway.*did not pass market time 09:00:05"):
        make(admin, redis).step(at(9, 0, 5))


def test_a_worker_that_was_restarted_is_nudged_by_the_same_slice_end(
    admin: FakeAdmin, redis: redis_sync.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchange repeats the heartbeat; the restarted worker answers the repeated mark."""
    monkeypatch.setattr(module, "NUDGE_SECONDS", 0.1)
    killed = TRADING_WORKERS[3]

    def workers(until: datetime) -> None:
        names = [name for name in TRADING_WORKERS if name != killed or len(admin.calls) >= 3]
        answer(redis, *names)(until)

    admin.on_advance = workers
    made = make(admin, redis)
    made.step(at(9, 0, 5))
    assert len(admin.calls) >= 3
    assert set(admin.calls) == {at(9, 0, 5)}
    assert made.progress.ticks_sent == 10, "a repeated advance sends nothing twice"


def test_who_never_answers_is_named(admin: FakeAdmin, redis: redis_sync.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GIVE_UP_SECONDS", 0.3)
    admin.on_advance = answer(redis, *(name for name in TRADING_WORKERS if name != "price-monitor"))
    with pytest.raises(UserError, match=r"^price-monitor did not pass market time 09:00:05"):
        make(admin, redis).step(at(9, 0, 5))


# ---- the day ----------------------------------------------------------------------------------------


def test_a_day_runs_its_jobs_at_their_time_while_market_time_stands(admin: FakeAdmin, redis: redis_sync.Redis) -> None:
    answer(redis, *TRADING_WORKERS)(at(23))  # of an earlier run: must not count
    admin.on_advance = answer(redis, *TRADING_WORKERS)
    ran: list[tuple[str, datetime, datetime]] = []

    def run_job(job: Any, day: date, due: datetime) -> Any:
        assert day == DAY
        ran.append((job.job, due, admin.calls[-1]))
        return SimpleNamespace(ok=False)

    made = make(admin, redis, run_job=run_job, slice_seconds=60, until=at(11, 0))
    made.conduct(at(8, 25))
    assert [name for name, _, _ in ran] == ["scout_job"] * 3
    assert all(due == stood for _, due, stood in ran)
    assert admin.calls[-1] == at(11, 0)
    assert made.progress.slices_done == made.progress.slices_total == len(admin.calls)


def test_watermarks_of_an_earlier_run_do_not_count(
    admin: FakeAdmin, redis: redis_sync.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GIVE_UP_SECONDS", 0.3)
    answer(redis, *TRADING_WORKERS)(at(23))
    with pytest.raises(UserError, match="did not pass"):
        make(admin, redis, until=at(9, 0)).conduct(at(8, 25))


def test_speed_is_an_upper_bound(admin: FakeAdmin, redis: redis_sync.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    admin.on_advance = answer(redis, *TRADING_WORKERS)
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(module.time, "sleep", lambda seconds: setattr(clock, "now", clock.now + seconds))
    make(admin, redis, speed=60.0, slice_seconds=60, until=at(8, 35)).conduct(at(8, 25))
    assert 10.0 <= clock.now < 10.6, "ten market minutes at 60x"


def test_the_time_left_is_at_least_what_the_asked_speed_takes() -> None:
    """Slices of the evening are long: at a given speed their count says little."""
    now = datetime(2026, 3, 18, 19, 0, tzinfo=KST)
    progress = Progress(
        market_time=now,
        slices_done=99,
        slices_total=100,
        market_started_real=time.monotonic(),
        speed=60.0,
        ends_at=now + timedelta(minutes=70),
    )
    assert progress.seconds_left() == 70.0
