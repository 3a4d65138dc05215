"""The conductor as a process of `jennie up` in rehearsal mode: one market day from 08:30 now, at wall speed."""

import sys
from datetime import date, timedelta
from pathlib import Path

from jennie_cli.conductor import Conductor
from jennie_cli.data_plane import conduct_jobs_before, open_data_plane
from jennie_cli.exchange_admin import ExchangeAdmin
from jennie_cli.interrupts import Interrupts, heeded_interrupts
from jennie_cli.market import BACKFILL_SESSIONS
from jennie_cli.places import RunFolder
from jennie_cli.rig import ADMIN_TOKEN
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.krx.sessions import session_times
from jennie_infra.bus.connect import connect_sync
from jennie_infra.settings import Settings, generated_secret, load_settings
from jennie_infra.sources.files import MarketFolder
from jennie_infra.telemetry import configure_logging, get_logger

WALL_SPEED = 1.0


def main() -> None:
    """Argument: the run folder."""
    folder = RunFolder(Path(sys.argv[1]))
    settings = load_settings()
    configure_logging("conductor", settings.log_level)
    if settings.market_day is None or settings.market_data is None:
        raise SystemExit("conductor: JENNIE_MARKET_DAY and JENNIE_MARKET_DATA must be set by `jennie up`")
    day = date.fromisoformat(settings.market_day)
    calendar = KrxCalendar.shipped()
    sessions = MarketFolder(settings.market_data).sessions(
        calendar.previous_session(day, BACKFILL_SESSIONS), day - timedelta(days=1)
    )
    with heeded_interrupts() as interrupts:
        _conduct(settings, folder, day, sessions, interrupts)


def _conduct(settings: Settings, folder: RunFolder, day: date, sessions: list[date], interrupts: Interrupts) -> None:
    log, times = get_logger(), session_times(day)
    plane = open_data_plane(settings, folder, interrupts)
    log.info("history", sessions=plane.backfill(sessions, day, lambda _done, _total: None))
    conduct_jobs_before(
        plane, day, times.opening_auction_at - timedelta(minutes=1), lambda job: log.info("job", job=job)
    )
    conductor = Conductor(
        times=times,
        admin=ExchangeAdmin(settings.port("sim-admin"), generated_secret(settings, ADMIN_TOKEN)),
        redis=connect_sync(settings.effective_redis_url, timeout_seconds=30),
        run_job=plane.run_job,
        slice_seconds=1,
        quiet_seconds=1,
        speed=WALL_SPEED,
    )
    conductor.conduct(times.opening_auction_at - timedelta(minutes=1))
    log.info("the market day is over")


if __name__ == "__main__":
    main()
