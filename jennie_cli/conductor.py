"""The rehearsal conductor: moves market time in slices, holds it while the data plane works (T3, T5, decision 0001)."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from jennie_cli.errors import UserError
from jennie_cli.exchange_admin import ExchangeAdmin
from jennie_cli.slices import QUIET_SECONDS, day_end, jobs_after, slice_ends
from jennie_cli.stack import TRADING_WORKERS
from jennie_core.domain.schedule import ScheduledJob
from jennie_core.krx.sessions import SessionTimes
from jennie_infra.bus.connect import SyncRedis, text
from jennie_infra.bus.streams import Streams, decode_watermark

NUDGE_SECONDS = 1.0
HEARTBEAT_SECONDS = 2.0
GIVE_UP_SECONDS = 90.0


class JobOutcome(Protocol):
    """What the conductor needs to know of a finished job."""

    @property
    def ok(self) -> bool:
        """Whether the run succeeded."""
        ...


JobRunner = Callable[[ScheduledJob, date, datetime], JobOutcome]


@dataclass
class Progress:
    """Figures for the live view; written by the conductor, read by the view's thread."""

    phase: str = "starting"
    market_time: datetime | None = None
    slices_done: int = 0
    slices_total: int = 0
    ticks_sent: int = 0
    job: str = ""
    equity_krw: int | None = None
    started_real: float = field(default_factory=time.monotonic)
    market_started_real: float | None = None
    speed: float | None = None
    ends_at: datetime | None = None

    def seconds_left(self) -> float | None:
        """Estimate from the pace so far, at least what the asked speed takes; None before there is a pace."""
        if self.market_started_real is None or self.slices_done < 20:
            return None
        pace = (time.monotonic() - self.market_started_real) / self.slices_done
        left = pace * (self.slices_total - self.slices_done)
        if self.speed is None or self.ends_at is None or self.market_time is None:
            return left
        return max(left, (self.ends_at - self.market_time).total_seconds() / self.speed)


class Conductor:
    """Runs one market day. `speed` is market seconds per real second, None as fast as the workers answer."""

    def __init__(
        self,
        *,
        times: SessionTimes,
        admin: ExchangeAdmin,
        redis: SyncRedis,
        run_job: JobRunner,
        slice_seconds: int,
        quiet_seconds: int = QUIET_SECONDS,
        speed: float | None,
        until: datetime | None = None,
        progress: Progress | None = None,
        between_slices: Callable[[datetime], None] | None = None,
    ) -> None:
        self._times = times
        self._admin = admin
        self._redis = redis
        self._run_job = run_job
        self._slice = timedelta(seconds=slice_seconds)
        self._quiet = timedelta(seconds=quiet_seconds)
        self._speed = speed
        self._until = until or day_end(times)
        self.progress = progress or Progress()
        self._between = between_slices
        self._cursor: str | None = None
        """Behind the watermarks that were there before the first slice."""
        self._seen: dict[str, datetime] = {}

    def conduct(self, start: datetime) -> None:
        """From `start` (market time the exchange stands at) to the end of the day, jobs included."""
        jobs = jobs_after(self._times, start, self._until)
        ends = list(self.slice_ends(start))
        self.progress.slices_total = len(ends)
        self.progress.speed, self.progress.ends_at = self._speed, self._until
        self.progress.market_started_real = time.monotonic()
        pace_start = time.monotonic()
        for end in ends:
            self._pace(start, end, pace_start)
            self.step(end)
            if self._between is not None:
                self._between(end)
            held = time.monotonic()
            while jobs and jobs[0][0] <= end:
                due, job = jobs.pop(0)
                self.progress.job = job.job
                with self._heartbeat(end):
                    self._run_job(job, self._times.day, due)
                self.progress.job = ""
            pace_start += time.monotonic() - held

    @contextmanager
    def _heartbeat(self, now: datetime) -> Iterator[None]:
        """While a job holds market time, repeat the present instant, so that a held clock is no silent feed."""
        done = threading.Event()

        def beat() -> None:
            line = self._admin.another()
            while not done.wait(HEARTBEAT_SECONDS):
                line.advance(now)

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(timeout=GIVE_UP_SECONDS)

    def step(self, end: datetime) -> None:
        """One slice: the exchange advances, every worker answers."""
        if self._cursor is None:
            newest: Any = self._redis.xrevrange(Streams.WATERMARKS.value, count=1)
            self._cursor = text(newest[0][0]) if newest else "0-0"
        answer = self._admin.advance(end)
        self.progress.ticks_sent += int(answer["ticks_sent"])
        self._await_watermarks(end)
        self.progress.market_time = end
        self.progress.slices_done += 1

    def slice_ends(self, start: datetime) -> Iterator[datetime]:
        """Ends of the slices from `start` to the end of the day."""
        return slice_ends(self._times, start, self._until, fine=self._slice, quiet=self._quiet)

    def _pace(self, start: datetime, end: datetime, pace_start: float) -> None:
        if self._speed is None:
            return
        due = pace_start + (end - start).total_seconds() / self._speed
        while (wait := due - time.monotonic()) > 0:
            time.sleep(min(wait, 0.5))

    def _await_watermarks(self, end: datetime) -> None:
        started = time.monotonic()
        nudged = started
        while missing := [name for name in TRADING_WORKERS if name not in self._seen or self._seen[name] < end]:
            streams: Any = {Streams.WATERMARKS.value: self._cursor}
            reply: Any = self._redis.xread(streams, count=200, block=200)
            for entry_id, fields in _flat(reply):
                self._cursor = text(entry_id)
                service, mark = decode_watermark(fields)
                self._seen[service] = mark
            now = time.monotonic()
            if now - nudged > NUDGE_SECONDS:
                self._admin.advance(end)
                nudged = now
            if now - started > GIVE_UP_SECONDS:
                raise UserError(
                    f"{', '.join(missing)} did not pass market time {end:%H:%M:%S} within {GIVE_UP_SECONDS:.0f} s; "
                    "see the logs folder of the run"
                )


def _flat(reply: Any) -> list[tuple[Any, Any]]:
    """Entries of an XREAD reply in RESP2 or RESP3 shape."""
    if not reply:
        return []
    groups = reply.values() if isinstance(reply, dict) else [value for _, value in reply]
    flat: list[tuple[Any, Any]] = []
    for group in groups:
        flat.extend(group[0] if group and isinstance(group[0], list) else group)
    return [(entry[0], entry[1]) for entry in flat]
