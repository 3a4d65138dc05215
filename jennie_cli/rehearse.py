"""`jennie rehearse`: one trading day end to end, from an empty folder to a report."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from rich.console import Console

from jennie_cli import places
from jennie_cli.conductor import Conductor
from jennie_cli.data_plane import check_names, conduct_jobs_before, open_data_plane
from jennie_cli.errors import UserError
from jennie_cli.exchange_admin import ExchangeAdmin
from jennie_cli.fault_options import DayFault
from jennie_cli.interrupts import Interrupts, heeded_interrupts
from jennie_cli.market import PreparedMarket, choose_day, prepare
from jennie_cli.places import RunFolder, RunningStack
from jennie_cli.port_lock import held_ports
from jennie_cli.progress import LiveView
from jennie_cli.report.collect import Conducted, collect
from jennie_cli.report.model import CurvePoint, Report
from jennie_cli.report.page import write as write_page
from jennie_cli.report.terminal import show
from jennie_cli.rig import Rig, build_rig
from jennie_cli.values import require_known_check
from jennie_core.domain.base import KST
from jennie_core.domain.macro import IntradayRisk
from jennie_core.krx.sessions import SessionTimes, session_times
from jennie_infra.bus.cache import get_sync
from jennie_infra.bus.connect import SyncRedis, connect_sync
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.clock import wall_now
from jennie_infra.settings import Settings, SettingsError, load_settings

START_OF_DAY_MINUTES_BEFORE_AUCTION = 5
CURVE_STEP = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class RehearsalPlan:
    """What was asked for."""

    market_data: Path | None
    day: date | None
    speed: float | None
    seed: int
    until: str | None
    fail_check: str | None
    port_base: int
    var_dir: Path
    plain: bool
    faults: tuple[DayFault, ...] = ()


@dataclass
class PhaseClock:
    """Wall seconds of each phase."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str, begin: Callable[[str], None]) -> Iterator[None]:
        """Time one phase and announce it."""
        begin(name)
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - started, 2)


def run_rehearsal(plan: RehearsalPlan, console: Console) -> int:
    """Run the day and print the report; returns the exit code (1 when the ledgers differ). Leaves nothing running."""
    started = time.monotonic()
    settings = _own_settings()
    day = choose_day(plan.day, plan.market_data)
    times = session_times(day)
    until = _until(plan.until, times)
    if wanted := plan.fail_check or settings.fail_check:
        require_known_check(wanted, check_names())
    with held_ports(plan.port_base), heeded_interrupts() as interrupts:
        folder = places.new_rehearsal(plan.var_dir, wall_now())
        try:
            report = _run(plan, day, times, until, folder, console, started, interrupts)
        except BaseException:
            places.drop_if_nothing_ran(folder)
            raise
    folder.report_json.write_text(report.model_dump_json(indent=1))
    write_page(report, folder.home / "report.html")
    link = places.publish_latest(plan.var_dir, folder)
    show(
        report,
        console,
        {"report": str(link / "report.html"), "json": str(link / "report.json"), "logs": str(link / "logs")},
    )
    return 0 if report.reconciliation.matches else 1


def _run(
    plan: RehearsalPlan,
    day: date,
    times: SessionTimes,
    until: datetime | None,
    folder: RunFolder,
    console: Console,
    started: float,
    interrupts: Interrupts,
) -> Report:
    clock = PhaseClock()
    rig = build_rig(folder, day=day, port_base=plan.port_base, market_data=plan.market_data, fail_check=plan.fail_check)
    rig.require_ports()
    with LiveView(console, day=day, settings=rig.settings, plain=plan.plain) as view:
        with clock.phase("market", view.phase):
            market = prepare(
                folder,
                day=day,
                seed=plan.seed,
                market_data=plan.market_data,
                credentials=rig.credentials,
                settings=rig.settings.trading(),
            )
            settings = rig.with_market(market)
            rig.make_stores(market)
        try:
            with clock.phase("processes", view.phase):
                rig.start()
                places.record_running(plan.var_dir, _record(rig, plan))
            plane = open_data_plane(settings, folder, interrupts)
            with clock.phase("history", view.phase):
                backfilled = plane.backfill(market.sessions, day, view.history)
            admin = rig.admin()
            for fault in plan.faults:
                admin.faults(fault.body)
            opening = times.opening_auction_at - timedelta(minutes=START_OF_DAY_MINUTES_BEFORE_AUCTION)
            with clock.phase("before the open", view.phase):
                rig.wait_ready()
                conduct_jobs_before(plane, day, opening, view.job)
            curve: list[CurvePoint] = []
            with clock.phase("market day", view.phase):
                redis = connect_sync(settings.effective_redis_url, timeout_seconds=30)
                conductor = Conductor(
                    times=times,
                    admin=admin,
                    redis=redis,
                    run_job=plane.run_job,
                    slice_seconds=settings.slice_seconds,
                    speed=plan.speed,
                    until=until,
                    progress=view.progress,
                    between_slices=_curve_keeper(admin, redis, curve, times, view),
                )
                conductor.conduct(opening)
            with clock.phase("report", view.phase):
                conducted = Conducted(
                    market=market,
                    plane=plane,
                    settings=settings,
                    speed="max" if plan.speed is None else f"{plan.speed:g}x",
                    seed=plan.seed,
                    curve=tuple(curve),
                    backfilled=backfilled,
                    ended_early=until is not None,
                    faults=plan.faults,
                )
                report = collect(conducted, admin, rig.stack)
        finally:
            with interrupts.deaf(), clock.phase("stop", view.phase):
                rig.stop()
                if rig.supervisor_pid is not None:
                    places.forget_running(plan.var_dir, rig.supervisor_pid)
    return report.model_copy(update={"wall_seconds": round(time.monotonic() - started, 1), "phases": clock.seconds})


def _curve_keeper(
    admin: ExchangeAdmin, redis: SyncRedis, curve: list[CurvePoint], times: SessionTimes, view: LiveView
) -> Callable[[datetime], None]:
    """Every five market minutes of the session, the account's value as the exchange has it."""
    last: list[datetime] = []

    def keep(now: datetime) -> None:
        view.tell(now)
        if now < times.opening_auction_at or now > times.close_at + timedelta(minutes=10):
            return
        if last and now - last[-1] < CURVE_STEP:
            return
        last.append(now)
        equity = int(admin.ledger()["accounts"][0]["total_krw"])
        risk = get_sync(redis, RedisKeys.RISK_INTRADAY, IntradayRisk).value
        view.progress.equity_krw = equity
        curve.append(
            CurvePoint(
                minute=f"{now:%H:%M}",
                equity_krw=equity,
                kospi_change_pct=None if risk is None else risk.kospi_change_pct,
            )
        )

    return keep


def _until(value: str | None, times: SessionTimes) -> datetime | None:
    if value is None:
        return None
    try:
        parsed = datetime.strptime(value, "%H:%M").replace(tzinfo=KST)
    except ValueError as error:
        raise UserError(f"--until {value}: write it as 10:00") from error
    until = datetime.combine(times.day, parsed.time(), KST)
    if until <= times.open_at:
        raise UserError(f"--until {value}: the market opens at {times.open_at:%H:%M}; choose a later time")
    return until


def _own_settings() -> Settings:
    """A rehearsal is a rehearsal: settings that point elsewhere are refused rather than ignored."""
    settings = load_settings()
    for name in ("home", "redis_url", "ledger_url", "market_url", "kis_rest_url", "kis_ws_url"):
        if getattr(settings, name) is not None:
            raise SettingsError(
                f"JENNIE_{name.upper()} is set; a rehearsal makes its own stores and exchange. "
                "Unset it, or use `jennie up`"
            )
    settings.trading()
    return settings


def _record(rig: Rig, plan: RehearsalPlan) -> RunningStack:
    return RunningStack(
        home=rig.folder.home,
        mode="rehearsal",
        port_base=plan.port_base,
        supervisor_pid=rig.stack.pid,
        started_at=wall_now(),
        purpose="rehearsal",
    )


__all__ = ["PreparedMarket", "RehearsalPlan", "run_rehearsal"]
